"""A fast way to the grey pixels of plain PNG files, for where its two libraries are installed.

libdeflate (package `deflate`) inflates more than twice as fast as zlib and checks the stream's
Adler-32; `kornia_rs` undoes the rows' filters several times as fast as libpng, but would pass a
wrong Adler-32 over, so it is given the inflated rows, as a PNG without compression. OpenCV stays
the judge: it decides whatever is not plain or fails in any way.
"""

import struct
from collections.abc import Iterator

import cv2
import deflate
import numpy as np
import numpy.typing as npt
from kornia_rs import io as kornia_io  # pyright: ignore[reportMissingModuleSource]  # is compiled

Rows = npt.NDArray[np.uint8]

_START = b"\x89PNG\r\n\x1a\n"
_GREY_8_BIT = b"\x08\x00\x00\x00\x00"
_ZLIB_HEADER, _STORED_BLOCK_BYTES = b"\x78\x01", 65_535


def decode_plain_png(
    compressed: bytes | memoryview, width_px: int, height_px: int, channels: int
) -> Rows | None:
    """Decode the image data of a PNG of 8 bits, grey or RGB, not interlaced.

    The channels of an RGB image must be equal. Every filter works on each channel apart (PNG
    specification, third edition, 9.2), so the filtered channels are equal just when the pixels
    are, and one of them is decoded as grey.

    Args:
        compressed: the content of the IDAT chunks, joined.
        width_px: of the IHDR chunk.
        height_px: of the IHDR chunk.
        channels: 1 or 3.

    Returns:
        uint8 of shape (height, width), or None where OpenCV has to decide.
    """
    row_bytes = 1 + channels * width_px
    try:
        inflated = deflate.zlib_decompress(  # pyright: ignore[reportUnknownMemberType]  # half typed
            compressed, row_bytes * height_px
        )
    except deflate.DeflateError:
        return None
    if len(inflated) != row_bytes * height_px:
        return None
    rows: Rows | None = np.frombuffer(inflated, np.uint8).reshape(height_px, row_bytes)
    if channels == 3:
        rows = _one_of_equal_channels(rows)
    if rows is None:
        return None
    uncompressed = b"".join(_uncompressed_png(rows.reshape(-1), width_px, height_px))
    try:
        grey = kornia_io.decode_image_png_u8(uncompressed, (height_px, width_px), "mono")
    except Exception:  # its errors have no class of their own
        return None
    return np.asarray(grey, np.uint8).reshape(height_px, width_px)


def _one_of_equal_channels(rows: Rows) -> Rows | None:
    height_px, width_px = rows.shape[0], rows.shape[1] // 3
    strides = (rows.shape[1], 3, 1)
    pixels: Rows = np.ndarray((height_px, width_px, 3), np.uint8, rows.data, 1, strides)
    red, green, blue = cv2.split(pixels)
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return None
    grey = np.empty((height_px, 1 + width_px), np.uint8)
    grey[:, 0], grey[:, 1:] = rows[:, 0], red
    return grey


def _uncompressed_png(rows: Rows, width_px: int, height_px: int) -> Iterator[bytes | memoryview]:
    """Yield the pieces of a grey PNG whose rows, filter types included, are stored as they are."""
    yield _START
    yield from _chunk([b"IHDR", struct.pack(">II", width_px, height_px), _GREY_8_BIT])
    pieces: list[bytes | memoryview] = [b"IDAT", _ZLIB_HEADER]
    for start in range(0, rows.size, _STORED_BLOCK_BYTES):
        block = rows.data[start : start + _STORED_BLOCK_BYTES]
        is_last, size = start + len(block) == rows.size, len(block)
        pieces += (struct.pack("<BHH", is_last, size, size ^ 0xFFFF), block)
    checksum = deflate.adler32(rows.data)  # pyright: ignore[reportUnknownMemberType]  # half typed
    yield from _chunk([*pieces, struct.pack(">I", checksum)])
    yield from _chunk([b"IEND"])


def _chunk(pieces: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    crc = 0
    for piece in pieces:
        crc = deflate.crc32(piece, crc)  # pyright: ignore[reportUnknownMemberType]  # half typed
    yield struct.pack(">I", sum(map(len, pieces)) - 4)
    yield from pieces
    yield struct.pack(">I", crc)
