"""PNGs made chunk by chunk, so that any one of them can be wrong."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
ADAM7_PASSES = (*ADAM7, (0, 1, 1, 2))


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def ihdr(width: int, height: int, depth: int = 8, colour: int = 0, *methods: int) -> bytes:
    return chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(methods or (0, 0, 0)))
    )


def filtered_rows(samples: np.ndarray, depth: int = 8, interlaced: bool = False) -> bytes:
    """Return rows with filter 0; samples are (height, width) or (height, width, channels)."""
    passes = ADAM7_PASSES if interlaced else ((0, 0, 1, 1),)
    return b"".join(
        b"\0" + _pack(row, depth)
        for left, top, across, down in passes
        for row in samples[top::down, left::across]
        if row.size
    )


def _pack(row: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
    return np.packbits(bits.ravel()).tobytes()


def png(
    samples: np.ndarray,
    colour: int = 0,
    depth: int = 8,
    before: bytes = b"",
    after: bytes = b"",
    interlaced: bool = False,
    rows: bytes | None = None,
    stream: bytes | None = None,
    idat: bytes | None = None,
) -> bytes:
    """Return a PNG; any of its rows, stream and IDAT chunks can be given instead of made.

    Args:
        samples: as stored, (height, width) or (height, width, channels).
        colour: colour type.
        depth: bits a sample.
        before: chunks before IDAT.
        after: chunks after it.
        interlaced: by Adam7.
        rows: what is deflated.
        stream: what IDAT holds.
        idat: the chunks themselves.
    """
    height, width = samples.shape[:2]
    rows = filtered_rows(samples, depth, interlaced) if rows is None else rows
    stream = zlib.compress(rows) if stream is None else stream
    idat = chunk(b"IDAT", stream) if idat is None else idat
    header = ihdr(width, height, depth, colour, 0, 0, int(interlaced))
    return SIGNATURE + header + before + idat + after + chunk(b"IEND")


def chunks(encoded: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = len(SIGNATURE)
    while offset < len(encoded):
        (length,) = struct.unpack_from(">I", encoded, offset)
        yield encoded[offset + 4 : offset + 8], encoded[offset + 8 : offset + 8 + length]
        offset += 12 + length
