"""Pixel rows of a PNG: inflated, checked, and wrapped for OpenCV."""

import struct
from collections.abc import Iterator

import numpy as np

from shared.errors import ImageError
from shared.images.formats import PNG_SIGNATURE
from shared.images.png.deflate import crc32, inflate, store
from shared.images.png.structure import GREY, PALETTE, RGB, Png, PngHeader

# left, top, column step and row step of each pass (PNG specification, 8.1)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
_ADAM7_PASSES = (*_ADAM7, (0, 1, 1, 2))
# Paeth; the others are 0 to 3 (PNG specification, 9.2)
_LAST_FILTER = 4
# of EXIF
_BYTE_ORDERS = (b"II*\x00", b"MM\x00*")
_EXIF_BYTES, _PART_BYTES = 65_536, 1024 * 1024


def inflate_rows(png: Png) -> bytes | bytearray:
    """Return all rows, each a filter byte and filtered samples (PNG specification, 7 to 10).

    Raises:
        ImageError: reason `corrupt`.
    """
    # Chunk checksums do not detect an encoder that stopped early or wrote invalid data, and
    # decoders report such errors only on standard error. Therefore the stream must end after
    # exactly the bytes implied by the header, and each row must have one of the five filters.
    passes = list(_passes(png.header))
    num_bytes = sum(num_rows * row_bytes for num_rows, row_bytes in passes)
    rows = inflate(png.chunks[b"IDAT"], num_bytes)
    start = 0
    for num_rows, row_bytes in passes:
        stop = start + num_rows * row_bytes
        last = np.frombuffer(rows, np.uint8)[start:stop:row_bytes].max()
        if last > _LAST_FILTER:
            raise ImageError("corrupt", f"a row has filter {last}, the highest is {_LAST_FILTER}")
        start = stop
    return rows


def _passes(header: PngHeader) -> Iterator[tuple[int, int]]:
    samples = 1 if header.colour_type == PALETTE else header.channels
    for left, top, across, down in _ADAM7_PASSES if header.is_interlaced else ((0, 0, 1, 1),):
        num_columns = -(-(header.width_px - left) // across)
        num_rows = -(-(header.height_px - top) // down)
        yield num_rows, 1 + (num_columns * samples * header.bit_depth + 7) // 8


def wrap_rows(png: Png, rows: bytes | bytearray, colour_type: int) -> bytes:
    """Return a PNG of the same rows, uncompressed, with only the chunks that affect pixels."""
    # Colour chunks (gAMA, sRGB, cHRM, iCCP) are omitted. With them libpng converts RGB to grey in
    # linear light, up to 59 levels off, so pixels would depend on the encoder's habits; those of a
    # JPEG are ignored too. They have no effect where R = G = B, as in MURA.
    header = png.header
    sides = (header.width_px, header.height_px)
    ihdr = struct.pack(
        ">IIBBBBB", *sides, header.bit_depth, colour_type, 0, 0, header.is_interlaced
    )
    parts = [PNG_SIGNATURE, *_chunk(b"IHDR", ihdr)]
    if colour_type == PALETTE:
        parts += _chunk(b"PLTE", png.chunks[b"PLTE"])
    if colour_type in (RGB, PALETTE) and b"tRNS" in png.chunks:
        parts += _chunk(b"tRNS", png.chunks[b"tRNS"])
    # before the pixels, because OpenCV ignores an orientation after them
    if png.chunks.get(b"eXIf", b"").startswith(_BYTE_ORDERS):
        parts += _chunk(b"eXIf", png.chunks[b"eXIf"][:_EXIF_BYTES])
    # uncompressed, to avoid a second, slower inflate in libpng, and in chunks of 1 MiB, because
    # OpenCV fails on chunks of more than 8 MB
    stream = store(rows)
    for start in range(0, len(stream), _PART_BYTES):
        parts += _chunk(b"IDAT", stream[start : start + _PART_BYTES])
    return b"".join([*parts, *_chunk(b"IEND", b"")])


def _chunk(kind: bytes, content: bytes) -> tuple[bytes, bytes, bytes]:
    checksum = crc32(content, crc32(kind))
    return struct.pack(">I4s", len(content), kind), content, struct.pack(">I", checksum)


def check_colours(png: Png) -> None:
    """Refuse a palette or transparency that does not match the colour type.

    Raises:
        ImageError: reason `corrupt`.
    """
    header, chunks = png.header, png.chunks
    num_bytes = len(chunks.get(b"PLTE", b""))
    if header.colour_type == PALETTE:
        if b"PLTE" not in chunks:
            raise ImageError("corrupt", "a PNG with palette has no PLTE chunk before its pixels")
        if num_bytes % 3 or not 0 < num_bytes // 3 <= 2**header.bit_depth:
            raise ImageError("corrupt", f"the palette has {num_bytes} bytes")
    sizes = {GREY: [2], RGB: [6], PALETTE: range(1, num_bytes // 3 + 1)}
    if b"tRNS" in chunks and len(chunks[b"tRNS"]) not in sizes.get(header.colour_type, []):
        raise ImageError("corrupt", f"the tRNS chunk has {len(chunks[b'tRNS'])} bytes")
