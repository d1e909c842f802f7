"""Structural checks on a PNG, before decoding."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from shared.errors import ImageError
from shared.images.formats import PNG_SIGNATURE
from shared.images.orientation import find_xmp_orientation, make_exif, read_png_xmp
from shared.images.png.deflate import crc32
from shared.images.size import check_size

# colour types in IHDR
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 3, GREY_ALPHA: 2, RGB_ALPHA: 4}
_BIT_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
_MAX_BYTES = 256 * 1024 * 1024
# encoders split the pixels into chunks of at least 8 KiB
_MOST_CHUNKS = 100_000
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_PLAIN = frozenset({b"IHDR", b"IDAT", b"IEND"})


@dataclass(frozen=True)
class PngHeader:
    """The IHDR chunk of a PNG."""

    width_px: int
    height_px: int
    bit_depth: int
    colour_type: int
    is_interlaced: bool

    @property
    def channels(self) -> int:
        """Number of channels in the file; 3 for a palette."""
        return _CHANNELS[self.colour_type]


@dataclass(frozen=True)
class Png:
    """A PNG with complete chunks in a valid order; its pixels are not yet checked."""

    header: PngHeader
    # the content of the first chunk of each kind, with all IDAT chunks joined; eXIf is added if
    # only XMP has an orientation
    chunks: dict[bytes, bytes]


def read_png(encoded: bytes) -> Png:
    """Check the structure of a PNG and split it into chunks (PNG, third edition, 5 and 11).

    Raises:
        ImageError: reason `truncated`, `corrupt`, `undecodable` (an unknown critical chunk) or
            `too_large`, or those of `check_size`.
    """
    header = _read_header(encoded)
    chunks = list(islice(_walk(encoded), _MOST_CHUNKS))
    if chunks[-1][0] != b"IEND":
        raise ImageError("too_large", f"more than {_MOST_CHUNKS} chunks")
    kinds = [kind for kind, _ in chunks]
    contents = dict(reversed(chunks))
    if contents.keys() != _PLAIN:
        _check_kinds(kinds, contents)
    num_idat = kinds.count(b"IDAT")
    if kinds.count(b"IHDR") != 1 or not num_idat:
        raise ImageError("corrupt", f"{num_idat} IDAT chunks, {kinds.count(b'IHDR')} IHDR chunks")
    first = kinds.index(b"IDAT")
    if kinds[first : first + num_idat] != [b"IDAT"] * num_idat:
        raise ImageError("corrupt", "there are other chunks between the IDAT chunks")
    joined = b"".join(content for _, content in chunks[first : first + num_idat])
    xmp = [read_png_xmp(content) for kind, content in chunks if kind == b"iTXt"]
    orientation = find_xmp_orientation([contents.get(b"eXIf", b"")], xmp) if xmp else None
    exif = {b"eXIf": make_exif(orientation)} if orientation else {}
    return Png(header, contents | {b"IDAT": joined} | exif)


def _walk(encoded: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset, kind, size = len(PNG_SIGNATURE), b"", len(encoded)
    view = memoryview(encoded)
    while kind != b"IEND":
        if offset + 12 > size:
            raise ImageError("truncated", f"the file ends at byte {size}, before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", encoded, offset)
        end = offset + 12 + length
        if end > size:
            raise ImageError("truncated", f"a chunk ends at byte {end} of {size}")
        # every checksum is verified, because decoders differ in the ones that they skip
        if crc32(view[offset + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise ImageError("corrupt", f"the checksum of the chunk at byte {offset} differs")
        yield kind, encoded[offset + 8 : end - 4]
        offset = end


def _read_header(encoded: bytes) -> PngHeader:
    # before other chunks are read: the size reveals a decompression bomb
    kind, content = next(_walk(encoded))
    if kind != b"IHDR" or len(content) != 13:
        raise ImageError(
            "corrupt", f"the first chunk is not IHDR of 13 bytes, but has {len(content)}"
        )
    width_px, height_px, depth, colour, *methods = struct.unpack(">IIBBBBB", content)
    if depth not in _BIT_DEPTHS.get(colour, ()):
        raise ImageError("corrupt", f"invalid bit depth {depth} for colour type {colour}")
    compression, filtering, interlace = methods
    if compression or filtering or interlace > 1:
        raise ImageError("corrupt", f"invalid compression, filter, interlace methods {methods}")
    check_size(width_px, height_px)
    header = PngHeader(width_px, height_px, depth, colour, bool(interlace))
    if (num_bytes := width_px * height_px * header.channels * depth // 8) > _MAX_BYTES:
        raise ImageError("too_large", f"{num_bytes} bytes of samples; the limit is {_MAX_BYTES}")
    return header


def _check_kinds(kinds: list[bytes], contents: dict[bytes, bytes]) -> None:
    """Refuse unknown critical chunks, and misplaced or duplicate chunks that affect pixels."""
    for kind in contents:
        if not kind.isalpha():
            raise ImageError("corrupt", "a chunk type is not four letters")
        # a chunk with a capital first letter is critical: a decoder must interpret it
        if kind[:1].isupper() and kind not in _CRITICAL:
            raise ImageError("undecodable", "unknown critical chunk")
    # with two palettes, transparencies or orientations, the correct one is unknown
    for kind in (b"PLTE", b"tRNS", b"eXIf"):
        if kinds.count(kind) > 1:
            raise ImageError("corrupt", f"{kinds.count(kind)} chunks of type {kind!r}")
    for kind in (b"PLTE", b"tRNS"):
        if kind in contents and b"IDAT" in kinds[: kinds.index(kind)]:
            raise ImageError("corrupt", f"the chunk {kind!r} follows the pixels")
