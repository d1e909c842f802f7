"""Pixels: from a file's bytes to its grey pixels."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from shared.errors import ImageError

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
