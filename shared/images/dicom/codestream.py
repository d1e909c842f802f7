"""Size checks on compressed pictures, before a decoder allocates memory for them."""

import re
from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

from shared.counts import count
from shared.errors import ImageError
from shared.images.jpeg.structure import FRAME_MARKERS, MARKERS_WITHOUT_LENGTH, SOI, SOS

# the SOC marker followed by SIZ, the start of every JPEG 2000 codestream
_J2K_START = re.compile(rb"\xff\x4f\xff\x51")
# start of image; frame header of progressive JPEG
_SOI, _PROGRESSIVE = b"\xff\xd8", 0xC2
_MOST_TILES = 4096
# the number of segments and 15 offsets, 32 bits each (PS3.5, G.5)
_RLE_HEADER_BYTES = 64


class Frame(NamedTuple):
    """The frame header of a compressed picture."""

    width_px: int
    height_px: int
    channels: int
    precision: int


def check_codestream(picture: bytes, size: tuple[int, int, int]) -> int | None:
    """Refuse a compressed picture with a different size than its DICOM header.

    Args:
        picture: JPEG, JPEG-LS or JPEG 2000.
        size: width, height and channels in the DICOM header.

    Returns:
        Bits per sample in the frame header, or None without one.

    Raises:
        ImageError: reason `corrupt`, `truncated` or `too_large`.
    """
    # a JP2 file may contain several codestreams, and the decoder may choose any of them
    frames = [_read_siz(picture, start.start()) for start in _J2K_START.finditer(picture)]
    if picture.startswith(_SOI):
        frames += _read_sof(picture)
    for frame in frames:
        # decoders allocate it: one changed bit in 18 KB of JPEG 2000 takes 6 GB
        if frame[:3] != size:
            width, height, channels = frame[:3]
            raise ImageError(
                "corrupt",
                f"the codestream has {width} x {height} pixels and "
                f"{count(channels, 'channels')}, the header "
                f"{size[0]} x {size[1]} and {size[2]}",
            )
    return frames[0].precision if frames else None


def repair_scan(picture: bytes) -> bytes:
    """Return a sequential JPEG with the spectral selection that its decoders need."""
    for offset, marker in _segments(picture):
        if marker == _PROGRESSIVE:
            return picture
        if marker == SOS:
            length = int.from_bytes(picture[offset + 2 : offset + 4], "big")
            end = offset + 2 + length
            # Some devices write Ss = Se = 0 into the scan header of a 12-bit sequential JPEG, where
            # 0 and 63 are required (ITU-T T.81, table B.3). Decoders would read the first
            # coefficient only.
            if picture[end - 3 : end - 1] == b"\0\0":
                return picture[: end - 3] + b"\0\x3f" + picture[end - 1 :]
    return picture


def check_runs(picture: bytes, num_bytes: int) -> None:
    """Refuse an RLE picture that is too long for `num_bytes` of pixels.

    Raises:
        ImageError: reason `corrupt`.
    """
    # encoders add at most one byte per 128 (PS3.5, G.3), but pydicom decodes all runs in the data
    if len(picture) > 2 * num_bytes + _RLE_HEADER_BYTES:
        raise ImageError("corrupt", f"{len(picture)} bytes of RLE for {num_bytes} bytes of pixels")


def _read_siz(picture: bytes, start: int) -> Frame:
    """Return the frame header of a JPEG 2000 codestream (ITU-T T.800, A.5.1)."""
    if len(picture) < start + 43:
        raise ImageError("truncated", "the JPEG 2000 codestream ends in its header")
    right, bottom, left, top, tile_width, tile_height = unpack_from(">6I", picture, start + 8)
    width, height = right - left, bottom - top
    if not tile_width or not tile_height:
        raise ImageError("corrupt", "the size of the tiles is 0")
    if (right // tile_width + 1) * (bottom // tile_height + 1) > _MOST_TILES:
        raise ImageError("too_large", f"the JPEG 2000 codestream has more than {_MOST_TILES} tiles")
    channels = int.from_bytes(picture[start + 40 : start + 42], "big")
    return Frame(width, height, channels, (picture[start + 42] & 0x7F) + 1)


def _read_sof(picture: bytes) -> Iterator[Frame]:
    for offset, marker in _segments(picture):
        if marker in FRAME_MARKERS and offset + 10 <= len(picture):
            precision, height, width, channels = unpack_from(">BHHB", picture, offset + 4)
            yield Frame(width, height, channels, precision)


def _segments(picture: bytes) -> Iterator[tuple[int, int]]:
    offset = len(_SOI)
    while offset + 4 <= len(picture) and picture[offset] == 0xFF:
        marker = picture[offset + 1]
        if marker == 0xFF or marker in (SOI, *MARKERS_WITHOUT_LENGTH):
            offset += 1 if marker == 0xFF else 2
            continue
        yield offset, marker
        if marker == SOS:
            return
        offset += 2 + int.from_bytes(picture[offset + 2 : offset + 4], "big")
