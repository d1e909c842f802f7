"""Decoding of PNG files to greyscale pixels."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shared.counts import count
from shared.errors import ImageError
from shared.images.depth import to_8_bits
from shared.images.parser import decode_with_opencv
from shared.images.pixels import Pixels
from shared.images.png.rows import check_colours, inflate_rows, wrap_rows
from shared.images.png.structure import GREY, PALETTE, RGB, Png, read_png
from shared.images.radiograph import Radiograph
from shared.images.spec import Depth

try:
    from kornia_rs import io as kornia_io  # pyright: ignore[reportMissingModuleSource]  # a compiled module
except ImportError:
    kornia_io = None

# chunks that change pixels or their order, which OpenCV handles
_DECIDE_ON_PIXELS = {b"tRNS", b"eXIf"}


def decode_png(encoded: bytes, depth: Depth) -> Radiograph:
    """Decode a PNG; see `to_8_bits` for `depth`.

    Raises:
        ImageError: reason `animated`, `corrupt`, `transparent` or `undecodable`, or those of
            `read_png` and `to_8_bits`.
    """
    png = read_png(encoded)
    header = png.header
    return Radiograph(_decode(png, depth), header.width_px, header.height_px, header.channels)


def _decode(png: Png, depth: Depth) -> Pixels:
    # any of several pictures could be the radiograph
    if b"acTL" in png.chunks:
        raise ImageError("animated", "the PNG has several frames")
    check_colours(png)
    rows = inflate_rows(png)
    plain = decode_plain_png(png, rows)
    if plain is not None:
        return plain
    header = png.header
    wrapped = wrap_rows(png, rows, header.colour_type)
    if header.colour_type == PALETTE:
        _check_indices(png, rows)
    if header.bit_depth == 16 or header.colour_type > PALETTE or b"tRNS" in png.chunks:
        samples = decode_with_opencv(wrapped, cv2.IMREAD_UNCHANGED)
        _refuse_transparent(png, samples)
        if header.bit_depth == 16:
            shown = to_8_bits(samples[..., :3] if samples.shape[2:] == (4,) else samples, depth)
            if shown.ndim == 2:
                return shown
            if depth != "16":
                return np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY), np.uint8)
    # with libpng's conversion of colour; samples of 1, 2 and 4 bits are scaled to 8
    return np.asarray(decode_with_opencv(wrapped, cv2.IMREAD_GRAYSCALE), np.uint8)


def _check_indices(png: Png, rows: bytes | bytearray) -> None:
    # libpng would make an index beyond the palette black; decoding the rows as greyscale gives the
    # indices, scaled to 8 bits
    indices = decode_with_opencv(wrap_rows(png, rows, GREY), cv2.IMREAD_UNCHANGED)
    last = int(indices.max()) * (2**png.header.bit_depth - 1) // 255
    num_colours = len(png.chunks[b"PLTE"]) // 3
    if last >= num_colours:
        raise ImageError("corrupt", f"colour index {last} in a palette of {num_colours}")


def _refuse_transparent(png: Png, samples: npt.NDArray[Any]) -> None:
    """Refuse pixels that are not opaque: they have arbitrary colours."""
    header, has_alpha = png.header, samples.shape[2:] == (4,)
    if header.colour_type == GREY and b"tRNS" in png.chunks:
        # OpenCV ignores the single transparent level of a greyscale PNG
        levels = 2**header.bit_depth - 1
        level = int.from_bytes(png.chunks[b"tRNS"], "big") & levels
        see_through = samples == (level if levels > 255 else level * 255 // levels)
    else:
        see_through = samples[..., 3] < np.iinfo(samples.dtype).max if has_alpha else np.False_
    if np.any(see_through):
        raise ImageError(
            "transparent", f"{count(int(np.count_nonzero(see_through)), 'pixels')} not opaque"
        )


def decode_plain_png(png: Png, rows: bytes | bytearray) -> Pixels | None:
    """Decode the verified rows of a plain PNG: 8 bits, greyscale or equal channels, not interlaced.

    Returns:
        uint8 of shape (height, width), or None if OpenCV must decode the file.
    """
    header = png.header
    is_plain = header.bit_depth == 8 and header.colour_type in (GREY, RGB)
    if not is_plain or header.is_interlaced or png.chunks.keys() & _DECIDE_ON_PIXELS:
        return None
    if header.colour_type == RGB:
        # filters work on each channel separately (PNG specification, third edition, 9.2), so the
        # channels are equal if and only if their filtered rows are
        channel = _one_of_equal_channels(rows, header.width_px, header.height_px)
        if channel is None:
            return None
        rows = channel
    wrapped, shape = wrap_rows(png, rows, GREY), (header.height_px, header.width_px)
    if kornia_io is None:
        return np.asarray(
            cv2.imdecode(np.frombuffer(wrapped, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
        )
    # kornia_rs reverses the row filters several times as fast as libpng, but ignores a wrong
    # Adler-32, so it receives only verified rows
    try:
        return kornia_io.decode_image_png_u8(wrapped, shape, "mono").reshape(shape)
    except Exception:  # its errors have no class of their own
        return None


def _one_of_equal_channels(rows: bytes | bytearray, width_px: int, height_px: int) -> bytes | None:
    row_bytes = 1 + 3 * width_px
    filters = np.frombuffer(rows, np.uint8)[::row_bytes]
    strides = (row_bytes, 3, 1)
    pixels: Pixels = np.ndarray((height_px, width_px, 3), np.uint8, rows, offset=1, strides=strides)
    red, green, blue = cv2.split(pixels)
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return None
    return np.column_stack((filters, np.asarray(red))).tobytes()
