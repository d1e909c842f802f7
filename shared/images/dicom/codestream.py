"""Size checks on compressed pictures, before a decoder allocates memory for them."""

import re
from struct import unpack_from

from shared.errors import ImageError
from shared.images.jpeg import FRAME_MARKERS, MARKERS_WITHOUT_LENGTH, SOI

# the SOC marker followed by SIZ, the start of every JPEG 2000 codestream
_J2K_START = re.compile(rb"\xff\x4f\xff\x51")
_MOST_TILES = 4096
_RLE_HEADER_BYTES = 64


def check_codestream(picture: bytes, width_px: int, height_px: int) -> None:
    """Refuse a compressed picture with a different size than its DICOM header.

    Decoders allocate the size stated in the picture: one changed bit in 18 KB of JPEG 2000 takes 6
    GB.

    Args:
        picture: JPEG, JPEG-LS or JPEG 2000.
        width_px: Width in the DICOM header.
        height_px: Height in the DICOM header.

    Raises:
        ImageError: Reason `corrupt`, `truncated` or `too_large`.
    """
    # a JP2 file may contain several codestreams, and the decoder may choose any of them
    sizes = [_read_siz(picture, start.start()) for start in _J2K_START.finditer(picture)]
    if picture.startswith(b"\xff\xd8"):
        sizes += _read_sof(picture)
    for size in sizes:
        if size != (width_px, height_px, 1):
            width, height, channels = size
            raise ImageError(
                "corrupt",
                f"the codestream has {width} x {height} pixels and {channels} channels, the header "
                f"{width_px} x {height_px} and 1",
            )


def check_runs(picture: bytes, num_bytes: int) -> None:
    """Refuse an RLE picture that is too long for `num_bytes` of pixels.

    Encoders add at most one byte per 128 (PS3.5, G.3), but pydicom decodes all runs in the data.

    Raises:
        ImageError: Reason `corrupt`.
    """
    if len(picture) > 2 * num_bytes + _RLE_HEADER_BYTES:
        raise ImageError("corrupt", f"{len(picture)} bytes of RLE for {num_bytes} bytes of pixels")


def _read_siz(picture: bytes, start: int) -> tuple[int, int, int]:
    """Return the width, height and channels of a JPEG 2000 codestream (ITU-T T.800, A.5.1)."""
    if len(picture) < start + 42:
        raise ImageError("truncated", "the JPEG 2000 codestream ends in its header")
    right, bottom, left, top, tile_width, tile_height = unpack_from(">6I", picture, start + 8)
    width, height = right - left, bottom - top
    if not tile_width or not tile_height:
        raise ImageError("corrupt", "the size of the tiles is 0")
    if (right // tile_width + 1) * (bottom // tile_height + 1) > _MOST_TILES:
        raise ImageError("too_large", f"the JPEG 2000 codestream has more than {_MOST_TILES} tiles")
    return width, height, int.from_bytes(picture[start + 40 : start + 42], "big")


def _read_sof(picture: bytes) -> list[tuple[int, int, int]]:
    """Return the width, height and channels of each frame header before a JPEG's first scan."""
    sizes: list[tuple[int, int, int]] = []
    offset = 2
    while offset + 4 <= len(picture) and picture[offset] == 0xFF:
        marker = picture[offset + 1]
        if marker == 0xDA:
            break
        if marker == 0xFF or marker in (SOI, *MARKERS_WITHOUT_LENGTH):
            offset += 1 if marker == 0xFF else 2
            continue
        if marker in FRAME_MARKERS and offset + 10 <= len(picture):
            height, width, channels = unpack_from(">HHB", picture, offset + 5)
            sizes.append((width, height, channels))
        offset += 2 + int.from_bytes(picture[offset + 2 : offset + 4], "big")
    return sizes
