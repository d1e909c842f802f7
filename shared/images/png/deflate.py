"""Inflate and checksums with libdeflate, in half of zlib's time."""

import zlib
from collections.abc import Callable
from struct import pack
from typing import Any

import deflate
import numpy as np

from shared.errors import ImageError

# its types need Python 3.12
_deflate: Any = deflate

# returns the CRC-32 of bytes; the second argument is the CRC-32 of the preceding bytes
crc32: Callable[..., int] = _deflate.crc32

# a window of 32 KiB, no dictionary (RFC 1950, 2.2)
_ZLIB_HEADER = b"\x78\x01"
# limit of a stored block, whose length has 16 bits
_MOST_STORED_BYTES = 65_535


def inflate(stream: bytes, num_bytes: int) -> bytes | bytearray:
    """Return the content of a zlib stream, exactly `num_bytes` long, with verified Adler-32.

    Raises:
        ImageError: reason `corrupt`.
        MemoryError: not enough memory for the content.
    """
    # without memory for a bytearray, CPython also writes to stderr; numpy only raises MemoryError
    np.empty(num_bytes + 1, np.uint8)
    try:
        content: bytes | bytearray = _deflate.zlib_decompress(stream, num_bytes)
    except deflate.DeflateError:
        content = b""
    # libdeflate gives no reason for a failure, zlib does
    return content if len(content) == num_bytes else _inflate_with_zlib(stream, num_bytes)


def _inflate_with_zlib(stream: bytes, num_bytes: int) -> bytes:
    inflating = zlib.decompressobj()
    try:
        # at most one more byte is inflated, so a decompression bomb takes no memory
        content = inflating.decompress(stream, num_bytes + 1)
    except zlib.error as error:
        # zlib has a code for a preset dictionary, but no text
        if str(error).startswith("Error 2 "):
            needed = "the pixel stream needs a preset dictionary, which PNG forbids"
            raise ImageError("corrupt", needed) from None
        raise ImageError("corrupt", f"the pixel stream is damaged: {error}") from None
    if len(content) > num_bytes:
        raise ImageError("corrupt", f"the pixel stream has more than {num_bytes} bytes")
    if len(content) < num_bytes or not inflating.eof:
        found = f"{len(content)} of {num_bytes} bytes"
        raise ImageError("corrupt", f"the pixel stream ends after {found}")
    return content


def store(content: bytes | bytearray) -> bytes:
    """Return an uncompressed zlib stream (RFC 1950 and 1951, 3.2.4)."""
    # zlib.compress(content, 0) takes five times as long, mostly for the Adler-32, and libdeflate's
    # makes CPython write to stderr if memory is short
    view, last = memoryview(content), max(0, len(content) - 1) // _MOST_STORED_BYTES
    parts: list[bytes | memoryview] = [_ZLIB_HEADER]
    for index in range(last + 1):
        block = view[index * _MOST_STORED_BYTES : (index + 1) * _MOST_STORED_BYTES]
        size = len(block)
        parts += pack("<BHH", index == last, size, size ^ 0xFFFF), block
    checksum: int = _deflate.adler32(content)
    return b"".join([*parts, checksum.to_bytes(4, "big")])
