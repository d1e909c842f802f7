"""Inflate and CRC-32 with Intel's ISA-L, in a third of zlib's time."""

from struct import pack

from isal import igzip_lib, isal_zlib

from shared.errors import ImageError

_ZLIB_HEADER = b"\x78\x01"
# limit of a stored block, whose length has 16 bits
_MOST_STORED_BYTES = 65_535


def crc32(content: bytes, start: int = 0) -> int:
    """Return the CRC-32 of `content`; `start` is the CRC-32 of the preceding bytes."""
    return isal_zlib.crc32(content, start)  # pyright: ignore[reportUnknownMemberType]  # no stub


def inflate(stream: bytes, num_bytes: int) -> bytes:
    """Return the content of a zlib stream, exactly `num_bytes` long, with verified Adler-32.

    At most one more byte is inflated, so a decompression bomb takes no memory. Bytes after the
    stream are ignored.

    Raises:
        ImageError: reason `corrupt`.
    """
    # isal's stubs omit types and declare the exception as a value
    inflating = isal_zlib.decompressobj()  # pyright: ignore[reportUnknownMemberType]
    try:
        content = inflating.decompress(stream, num_bytes + 1)  # pyright: ignore[reportUnknownMemberType]
    except igzip_lib.IsalError as error:  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        raise ImageError("corrupt", f"the pixel stream is damaged: {error}") from None
    if len(content) > num_bytes:
        raise ImageError("corrupt", f"the pixel stream has more than {num_bytes} bytes")
    if len(content) < num_bytes or not inflating.eof:
        found = f"{len(content)} of {num_bytes} bytes"
        raise ImageError("corrupt", f"the pixel stream ends after {found}")
    return content


def store(content: bytes) -> bytes:
    """Return an uncompressed zlib stream (RFC 1950 and 1951, 3.2.4).

    `zlib.compress(content, 0)` takes five times as long, mostly for the Adler-32.
    """
    view, last = memoryview(content), max(0, len(content) - 1) // _MOST_STORED_BYTES
    parts: list[bytes | memoryview] = [_ZLIB_HEADER]
    for index in range(last + 1):
        block = view[index * _MOST_STORED_BYTES : (index + 1) * _MOST_STORED_BYTES]
        size = len(block)
        parts += pack("<BHH", index == last, size, size ^ 0xFFFF), block
    # isal's stubs omit types
    checksum = isal_zlib.adler32(content)  # pyright: ignore[reportUnknownMemberType]
    return b"".join([*parts, checksum.to_bytes(4, "big")])
