"""Decoding of PNG files to greyscale pixels."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shared.counts import count
from shared.errors import ImageError
from shared.images.depth import to_8_bits
from shared.images.opencv import decode_with_opencv
from shared.images.pixels import Pixels
from shared.images.png.plain import decode_plain_png
from shared.images.png.rows import check_colours, inflate_rows, wrap_rows
from shared.images.png.structure import GREY, PALETTE, Png, read_png
from shared.images.radiograph import Radiograph
from shared.images.spec import Depth


def decode_png(encoded: bytes, depth: Depth) -> Radiograph:
    """Decode a PNG; see `_decode` and `to_8_bits`.

    Raises:
        ImageError: reason `animated`, because any of several pictures could be the radiograph;
            `corrupt`, `transparent` or `undecodable`, or those of `read_png` and `to_8_bits`.
    """
    png = read_png(encoded)
    header = png.header
    return Radiograph(_decode(png, depth), header.width_px, header.height_px, header.channels)


def _decode(png: Png, depth: Depth) -> Pixels:
    """Decode a PNG after its structure has been checked.

    Colour is converted as by OpenCV's IMREAD_GRAYSCALE, which uses libpng's conversion. Samples of
    1, 2 and 4 bits are scaled to 8, palettes are applied, and interlaced rows are reordered.
    """
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
    return np.asarray(decode_with_opencv(wrapped, cv2.IMREAD_GRAYSCALE), np.uint8)


def _check_indices(png: Png, rows: bytes | bytearray) -> None:
    """Refuse pixels with an index beyond the palette, which libpng would make black.

    Decoding the rows as greyscale gives the indices, scaled to 8 bits.
    """
    indices = decode_with_opencv(wrap_rows(png, rows, GREY), cv2.IMREAD_UNCHANGED)
    last = int(indices.max()) * (2**png.header.bit_depth - 1) // 255
    num_colours = len(png.chunks[b"PLTE"]) // 3
    if last >= num_colours:
        raise ImageError("corrupt", f"colour index {last} in a palette of {num_colours}")


def _refuse_transparent(png: Png, samples: npt.NDArray[Any]) -> None:
    """Refuse pixels that are not opaque: they have arbitrary colours.

    The samples are those of OpenCV's IMREAD_UNCHANGED, (height, width) or (height, width, 3 or 4).
    """
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
