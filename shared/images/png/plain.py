"""Fast decoder for plain PNGs: 8 bits, greyscale or equal channels, not interlaced.

Nearly all radiographs are of this kind. `kornia_rs`, if installed, reverses the row filters several
times as fast as libpng. It ignores a wrong Adler-32, so it receives only verified rows, wrapped
without compression. OpenCV decodes everything else, and files on which `kornia_rs` fails.
"""

import cv2
import numpy as np

from shared.images.pixels import Pixels
from shared.images.png.rows import wrap_rows
from shared.images.png.structure import GREY, RGB, Png

try:
    from kornia_rs import io as kornia_io  # pyright: ignore[reportMissingModuleSource]  # a compiled module
except ImportError:
    kornia_io = None

# chunks that change pixels or their order, which OpenCV handles
_DECIDE_ON_PIXELS = {b"tRNS", b"eXIf"}


def decode_plain_png(png: Png, rows: bytes | bytearray) -> Pixels | None:
    """Decode the verified rows of a plain PNG.

    Filters work on each channel separately (PNG specification, third edition, 9.2), so the channels
    are equal if and only if their filtered rows are. One of them is then decoded as greyscale.

    Args:
        png: a PNG with a valid structure.
        rows: rows from `shared.images.png.rows.inflate_rows`.

    Returns:
        uint8 of shape (height, width), or None if OpenCV must decode the file.
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


def _one_of_equal_channels(rows: bytes | bytearray, width_px: int, height_px: int) -> bytes | None:
    """Return the rows of one channel, or None if the channels differ."""
    row_bytes = 1 + 3 * width_px
    filters = np.frombuffer(rows, np.uint8)[::row_bytes]
    strides = (row_bytes, 3, 1)
    pixels: Pixels = np.ndarray((height_px, width_px, 3), np.uint8, rows, offset=1, strides=strides)
    red, green, blue = cv2.split(pixels)
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return None
    return np.column_stack((filters, np.asarray(red))).tobytes()
