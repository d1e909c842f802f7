"""Decoding of PNG and JPEG bytes to greyscale pixels, with a reason for each refusal.

Ingest and prediction share this code, so models receive images decoded as in training.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg  # pyright: ignore[reportMissingTypeStubs]  # the package has no stubs

from shared.errors import ImageError
from shared.images.formats import detect_format
from shared.images.jpeg import read_jpeg
from shared.images.orientation import EXIF_START, make_exif
from shared.images.parser import parser
from shared.images.pixels import Pixels
from shared.images.png.plain import decode_plain_png
from shared.images.png.rows import check_colours, inflate_rows, wrap_rows
from shared.images.png.structure import GREY, PALETTE, Png, read_png

# 12-bit detectors give samples of 0 to 4095
_UNSCALED_BELOW = 4096


@dataclass(frozen=True)
class Radiograph:
    """A decoded file.

    Attributes:
        grey: Upright pixels, uint8 of shape (height, width).
        width_px: Width in the file, before its orientation is applied.
        height_px: Height in the file, before its orientation is applied.
        channels: Number of channels in the file, including alpha; 3 for a palette.
    """

    grey: Pixels
    width_px: int
    height_px: int
    channels: int


def decode_radiograph(encoded: bytes) -> Radiograph:
    """Decode a PNG or JPEG, regardless of the file name.

    The EXIF orientation (EXIF 2.32, tag 0x0112) is applied, as image viewers do, or else that of
    XMP. PNG and JPEG do not record inversion, so an inverted radiograph (dark bones) is not
    corrected.

    Raises:
        ImageError: The file cannot be read correctly; the reasons are those of `detect_format`,
            `read_png`, `read_jpeg`, and the functions below.
        MemoryError: Not enough memory, which is not the file's fault.
    """
    file_format = detect_format(encoded)
    with parser(file_format.upper()):
        if file_format == "png":
            png = read_png(encoded)
            header, grey = png.header, _decode_png(png)
        else:
            header = read_jpeg(encoded)
            grey = _decode_jpeg(encoded[: header.size_bytes], header.xmp_orientation)
    refuse_blank(grey)
    return Radiograph(grey, header.width_px, header.height_px, header.channels)


def refuse_blank(grey: Pixels) -> None:
    """Refuse an image with a single grey level, for which a prediction has no meaning.

    Args:
        grey: Pixels of any shape, without padding.

    Raises:
        ImageError: Reason `blank`.
    """
    if not grey.size:
        raise ImageError("blank", "all pixels are padding")
    # if a corner and the centre differ, the other pixels need no check
    centre = (grey.size + grey.shape[-1]) // 2 % grey.size
    if grey.flat[0] == grey.flat[centre] and (level := int(grey.min())) == int(grey.max()):
        raise ImageError("blank", f"all pixels have grey level {level}")


def _decode_png(png: Png) -> Pixels:
    """Decode a PNG after its structure has been checked.

    Colour is converted as by OpenCV's IMREAD_GRAYSCALE, which uses libpng's conversion. Samples of
    1, 2 and 4 bits are scaled to 8, palettes are applied, and interlaced rows are reordered. For 16
    bits, the high byte is used, the simpler of the two methods in the PNG specification (13.12).

    Raises:
        ImageError: Reason `animated`, because any of several pictures could be the radiograph;
            `corrupt`, `transparent`, `unscaled_16_bit` or `undecodable`.
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
        _check_samples(png, _opencv(wrapped, cv2.IMREAD_UNCHANGED))
    return np.asarray(_opencv(wrapped, cv2.IMREAD_GRAYSCALE), np.uint8)


def _check_indices(png: Png, rows: bytes) -> None:
    """Refuse pixels with an index beyond the palette, which libpng would make black.

    Decoding the rows as greyscale gives the indices, scaled to 8 bits.
    """
    indices = _opencv(wrap_rows(png, rows, GREY), cv2.IMREAD_UNCHANGED)
    last = int(indices.max()) * (2**png.header.bit_depth - 1) // 255
    num_colours = len(png.chunks[b"PLTE"]) // 3
    if last >= num_colours:
        raise ImageError("corrupt", f"colour index {last} in a palette of {num_colours}")


def _check_samples(png: Png, samples: npt.NDArray[Any]) -> None:
    """Refuse samples that cannot be converted to 8-bit greyscale correctly.

    Transparent pixels have arbitrary colours, so alpha is dropped only if all pixels are opaque. A
    16-bit file with a maximum below 4096 contains unscaled 12-bit data; its high byte would be
    nearly black.

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
        raise ImageError("transparent", f"{np.count_nonzero(see_through)} pixels are not opaque")
    brightest = int((samples[..., :3] if has_alpha else samples).max())
    if header.bit_depth == 16 and brightest < _UNSCALED_BELOW:
        raise ImageError("unscaled_16_bit", f"the maximum of the 16-bit samples is {brightest}")


def _decode_jpeg(encoded: bytes, xmp_orientation: int | None) -> Pixels:
    """Decode a JPEG after its structure has been checked; the greyscale image is the Y channel.

    For damaged data, libjpeg prints a warning to standard error and fills in pixels, which OpenCV
    returns. simplejpeg uses the same libjpeg-turbo and raises an error instead, so it decodes the
    file first. JPEG has no checksum, so a changed bit that leaves the stream valid cannot be
    detected.

    Raises:
        ImageError: Reason `corrupt` or `undecodable`.
    """
    try:
        simplejpeg.decode_jpeg(encoded, "GRAY", strict=True)  # pyright: ignore[reportUnknownMemberType]  # no stubs
    except ValueError as error:
        if "memory" in str(error).lower():
            raise MemoryError(str(error)) from None
        raise ImageError("corrupt", f"libjpeg-turbo: {error}") from None
    if xmp_orientation:
        exif = EXIF_START + make_exif(xmp_orientation)
        segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
        encoded = encoded[:2] + segment + encoded[2:]
    return np.asarray(_opencv(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _opencv(encoded: bytes, flags: int) -> npt.NDArray[Any]:
    """Decode with OpenCV; raise MemoryError, not ImageError, if it runs out of memory."""
    try:
        pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        raise ImageError("undecodable", f"OpenCV: error {error.code}") from None
    if pixels is None:  # pyright: ignore[reportUnnecessaryComparison]  # the stubs omit None
        raise ImageError("undecodable", "OpenCV cannot decode the file")
    return pixels
