"""Plain PNG, 8 bits of grey or of equal channels, not interlaced: what nearly all radiographs are.

`kornia_rs` undoes the filters of rows several times as fast as libpng and is used where it is
installed; it sees only rows that are proven whole, wrapped without compression, because it passes
over a wrong Adler-32. OpenCV stays the judge: it decides whatever is not plain or fails.
"""

import cv2
import numpy as np

from shared.images.pixels import Pixels
from shared.images.png.rows import wrap_rows
from shared.images.png.structure import GREY, RGB, Png

try:
    from kornia_rs import io as kornia_io  # pyright: ignore[reportMissingModuleSource]  # compiled
except ImportError:
    kornia_io = None

_DECIDE_ON_PIXELS = {b"tRNS", b"eXIf"}


def decode_plain_png(png: Png, rows: bytes) -> Pixels | None:
    """Decode the proven rows of a plain PNG.

    Every filter works on each channel apart (PNG specification, third edition, 9.2), so channels
    are equal just when their filtered rows are, and then one of them is decoded as grey.

    Args:
        png: sound in structure.
        rows: of `shared.images.png.rows.inflate_rows`.

    Returns:
        uint8 of shape (height, width), or None where OpenCV has to decide.
    """
    header = png.header
    is_plain = header.bit_depth == 8 and header.colour_type in (GREY, RGB)
    if not is_plain or header.is_interlaced or png.chunks.keys() & _DECIDE_ON_PIXELS:
        return None
    if header.colour_type == RGB:
        channel = _one_of_equal_channels(rows, header.width_px, header.height_px)
        if channel is None:
            return None
        rows = channel
    wrapped, shape = wrap_rows(png, rows, GREY), (header.height_px, header.width_px)
    if kornia_io is None:
        return np.asarray(
            cv2.imdecode(np.frombuffer(wrapped, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
        )
    try:
        return kornia_io.decode_image_png_u8(wrapped, shape, "mono").reshape(shape)
    except Exception:  # its errors have no class of their own
        return None


def _one_of_equal_channels(rows: bytes, width_px: int, height_px: int) -> bytes | None:
    """Return rows of one channel, or None where the channels differ."""
    row_bytes = 1 + 3 * width_px
    filters = np.frombuffer(rows, np.uint8)[::row_bytes]
    strides = (row_bytes, 3, 1)
    pixels: Pixels = np.ndarray((height_px, width_px, 3), np.uint8, rows, offset=1, strides=strides)
    red, green, blue = cv2.split(pixels)
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return None
    return np.column_stack((filters, np.asarray(red))).tobytes()
