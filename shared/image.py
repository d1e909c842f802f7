"""Pixels: from a file's bytes to the image that a lake stores and a model sees.

Ingest and prediction both come through here, so a model is fed what it was trained on.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from shared.errors import ImageError
from shared.image_spec import ImageSpec

Pixels = npt.NDArray[np.uint8]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_MAX_PIXELS = 64 * 1024 * 1024


@dataclass(frozen=True)
class PngHeader:
    """What a PNG says of itself before anything is decoded; `channels` as stored, palette as 3."""

    width_px: int
    height_px: int
    channels: int


def read_png_header(encoded: bytes) -> PngHeader:
    """Check that `encoded` is a whole PNG and return its header.

    Every chunk's checksum is verified, because OpenCV returns a truncated file half-decoded.

    Raises:
        ImageError: reason `empty`, `not_png`, `truncated`, `corrupt` or `too_large`.
    """
    if not encoded:
        raise ImageError("empty", "the file has no bytes")
    if not encoded.startswith(_PNG_SIGNATURE):
        raise ImageError("not_png", f"the file begins with {encoded[:8]!r}")
    kinds = list(_png_chunks(encoded))
    if kinds[0] != b"IHDR":
        raise ImageError("corrupt", f"the first chunk is {kinds[0]!r} instead of IHDR")
    width_px, height_px, _, colour_type = struct.unpack_from(">IIBB", encoded, 16)
    if not 0 < width_px * height_px <= _MAX_PIXELS:
        raise ImageError("too_large", f"{width_px} x {height_px} pixels, at most {_MAX_PIXELS}")
    return PngHeader(width_px, height_px, _PNG_CHANNELS.get(colour_type, 0))


def _png_chunks(encoded: bytes) -> Iterator[bytes]:
    """Yield the type of each chunk up to IEND (PNG specification, third edition, 5.3)."""
    view = memoryview(encoded)
    offset, kind = len(_PNG_SIGNATURE), b""
    while kind != b"IEND":
        if offset + 12 > len(view):
            raise ImageError(
                "truncated", f"the file ends at byte {len(view)}, before its IEND chunk"
            )
        length, kind = struct.unpack_from(">I4s", view, offset)
        end = offset + 12 + length
        if end > len(view):
            raise ImageError("truncated", f"chunk {kind!r} ends at byte {end} of {len(view)}")
        if zlib.crc32(view[offset + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise ImageError("corrupt", f"checksum of chunk {kind!r} at byte {offset} differs")
        yield kind
        offset = end


def decode_grey(encoded: bytes) -> Pixels:
    """Decode a file's bytes to grey pixels, uint8 of shape (height, width), by OpenCV alone.

    Raises:
        ImageError: reason `undecodable`.
    """
    try:
        grey = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise ImageError("undecodable", " ".join(str(error).split())) from None
    if grey is None:  # pyright: ignore[reportUnnecessaryComparison]  # the stubs forget the None
        raise ImageError("undecodable", "OpenCV cannot decode the file")
    return np.asarray(grey, np.uint8)


def fit_to_spec(grey: Pixels, spec: ImageSpec) -> Pixels:
    """Resize grey pixels of any shape (height, width) to uint8 (size, size) as `spec` says.

    Area interpolation where the image shrinks, bilinear where it grows.
    """
    height_px, width_px = grey.shape
    longer_px = max(height_px, width_px)
    if spec.fit == "stretch":
        target = (spec.size, spec.size)
    else:
        # multiplied first: a quotient's rounding error could move a half
        sides = (round(side * spec.size / longer_px) for side in (width_px, height_px))
        target = (max(1, next(sides)), max(1, next(sides)))
    if target != (width_px, height_px):
        shrinks = target[0] * target[1] < width_px * height_px
        grey = np.asarray(
            cv2.resize(grey, target, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR),
            np.uint8,
        )
    return _pad(grey, spec.size)


def _pad(grey: Pixels, size_px: int) -> Pixels:
    height_px, width_px = grey.shape
    if (height_px, width_px) == (size_px, size_px):
        return grey
    top, left = (size_px - height_px) // 2, (size_px - width_px) // 2
    padded = np.zeros((size_px, size_px), np.uint8)
    padded[top : top + height_px, left : left + width_px] = grey
    return padded
