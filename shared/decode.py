"""Decode: a file's bytes become right grey pixels, or are refused with a reason.

Ingest and prediction both come through here, so a model is fed what it was trained on.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg  # pyright: ignore[reportMissingTypeStubs]  # it has none

from shared.errors import ImageError
from shared.fast_png import decode_plain_png
from shared.file_format import detect_format
from shared.image import Pixels
from shared.jpeg import read_jpeg
from shared.orientation import EXIF_START, make_exif
from shared.parser import parser
from shared.png import GREY, PALETTE, Png, read_png
from shared.png_pixels import check_colours, inflate_rows, wrap_rows

_UNSCALED_BELOW = 4096


@dataclass(frozen=True)
class Radiograph:
    """A decoded file.

    Attributes:
        grey: pixels the right way up, uint8 of shape (height, width).
        width_px: of the file as found, before its orientation is applied.
        height_px: likewise.
        channels: as found in the file, palette as 3, alpha counted.
    """

    grey: Pixels
    width_px: int
    height_px: int
    channels: int


def decode_radiograph(encoded: bytes) -> Radiograph:
    """Decode the bytes of a PNG or JPEG, whatever the file is called.

    An EXIF orientation is applied (EXIF 2.32, tag 0x0112), as image viewers do, and one that only
    XMP says. An inverted
    radiograph (bones dark) is stored as found: nothing in a PNG or JPEG says that it is one.

    Raises:
        ImageError: the file is no radiograph that could be read rightly; its reasons are those of
            `detect_format`, `read_png`, `read_jpeg`, and the functions below.
        MemoryError: there is too little memory, which is no fault of the file.
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
    """Refuse pixels of one grey level only: they show nothing, and a model answers all the same.

    Args:
        grey: of any shape, without those that only fill the picture up.

    Raises:
        ImageError: reason `blank`.
    """
    if not grey.size:
        raise ImageError("blank", "all pixels are padding")
    # a corner and the centre that differ spare a look at all pixels
    centre = (grey.size + grey.shape[-1]) // 2 % grey.size
    if grey.flat[0] == grey.flat[centre] and (level := int(grey.min())) == int(grey.max()):
        raise ImageError("blank", f"all pixels have grey level {level}")


def _decode_png(png: Png) -> Pixels:
    """Decode a PNG whose structure is sound.

    Grey of colour is OpenCV's IMREAD_GRAYSCALE, which is libpng's conversion. 1, 2 and 4 bits are
    scaled to 8, a palette is looked up, interlaced rows are put in order. Of 16 bits the high byte
    is kept, the simpler of the two ways that the PNG specification gives (13.12).

    Raises:
        ImageError: reason `animated`, because which of several pictures is the radiograph is not
            known; `corrupt`, `transparent`, `unscaled_16_bit` or `undecodable`.
    """
    if b"acTL" in png.chunks:
        raise ImageError("animated", "the PNG has several pictures")
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
    """Refuse pixels that point behind the palette's end: libpng makes them black.

    Read as grey, the pixels are their own indices, scaled to 8 bits.
    """
    indices = _opencv(wrap_rows(png, rows, GREY), cv2.IMREAD_UNCHANGED)
    last = int(indices.max()) * (2**png.header.bit_depth - 1) // 255
    num_colours = len(png.chunks[b"PLTE"]) // 3
    if last >= num_colours:
        raise ImageError("corrupt", f"a pixel has colour {last} of a palette of {num_colours}")


def _check_samples(png: Png, samples: npt.NDArray[Any]) -> None:
    """Refuse what would lose its meaning in 8 bits of grey.

    Pixels under transparency are whatever the writer left there, so alpha may be dropped only
    where all is opaque. A 16-bit file whose brightest sample is under 4096 holds 12-bit data that
    was never scaled: its high byte would be nearly black.

    The samples are those of OpenCV's IMREAD_UNCHANGED, (height, width) or (height, width, 3 or 4).
    """
    header, has_alpha = png.header, samples.shape[2:] == (4,)
    if header.colour_type == GREY and b"tRNS" in png.chunks:
        # OpenCV overlooks the one transparent level of a grey PNG
        levels = 2**header.bit_depth - 1
        level = int.from_bytes(png.chunks[b"tRNS"], "big") & levels
        see_through = samples == (level if levels > 255 else level * 255 // levels)
    else:
        see_through = samples[..., 3] < np.iinfo(samples.dtype).max if has_alpha else np.False_
    if np.any(see_through):
        raise ImageError("transparent", f"{np.count_nonzero(see_through)} pixels are not opaque")
    brightest = int((samples[..., :3] if has_alpha else samples).max())
    if header.bit_depth == 16 and brightest < _UNSCALED_BELOW:
        raise ImageError("unscaled_16_bit", f"the brightest of 16-bit samples is {brightest}")


def _decode_jpeg(encoded: bytes, xmp_orientation: int | None) -> Pixels:
    """Decode a JPEG whose structure is sound; grey of colour is its Y channel.

    Broken data makes libjpeg warn on standard error and go on with made-up pixels, and OpenCV
    returns them. So it gets only what decodes without a warning, which simplejpeg, the same
    libjpeg-turbo, raises as an error. A JPEG has no checksum: a changed bit that leaves a valid
    stream behind cannot be known by anyone.

    Raises:
        ImageError: reason `corrupt` or `undecodable`.
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
    """Decode by OpenCV; its want of memory is an error of the run, never of the file."""
    try:
        pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        raise ImageError("undecodable", f"OpenCV: error {error.code}") from None
    if pixels is None:  # pyright: ignore[reportUnnecessaryComparison]  # the stubs forget the None
        raise ImageError("undecodable", "OpenCV cannot decode the file")
    return pixels
