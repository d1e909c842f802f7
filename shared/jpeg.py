"""JPEG: the structure of a file, checked before any of its pixels are decoded."""

import re
from dataclasses import dataclass

from shared.errors import ImageError
from shared.image_size import check_size
from shared.orientation import EXIF_START, XMP_START, find_xmp_orientation

_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}
_PROGRESSIVE = 0xC2
_READABLE_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded",
    0xCB: "arithmetic-coded",
    0xCD: "arithmetic-coded",
    0xCE: "arithmetic-coded",
    0xCF: "arithmetic-coded",
    0xF7: "JPEG-LS",
}
# within entropy-coded data 0xFF stands for itself before 0, and restart markers belong to it; fill
# bytes before a marker are left to the scan, as a pattern that takes them is slow on long runs
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_MOST_SCANS = 64
"""Encoders write ten, optimizers twenty; each costs a pass over the picture, and may be empty."""


@dataclass(frozen=True)
class Jpeg:
    """A JPEG whose markers lead from start to end.

    Attributes:
        width_px: of the frame header.
        height_px: likewise.
        channels: likewise.
        size_bytes: where its EOI marker ends.
        xmp_orientation: where XMP alone says one that turns the picture.
    """

    width_px: int
    height_px: int
    channels: int
    size_bytes: int
    xmp_orientation: int | None


def read_jpeg(encoded: bytes) -> Jpeg:
    """Check a JPEG's structure (ITU-T T.81, annex B) and return what it says of itself.

    The EOI marker has to be there, as decoders fill what is missing with grey, or with what lay in
    memory; bytes after it are ignored, as every decoder does.

    Args:
        encoded: begins with a JPEG's signature.

    Raises:
        ImageError: reason `truncated`, `corrupt`, `undecodable`, `cmyk`, or one of `check_size`.
    """
    offset, frame, scans, app1 = 2, None, list[bytes](), list[bytes]()
    components, is_progressive = b"", False
    while True:
        marker, start = _marker(encoded, offset)
        if marker == _EOI:
            break
        offset = start
        if marker in _NO_LENGTH:
            continue
        end = start + int.from_bytes(encoded[start : start + 2], "big")
        if end > len(encoded) or end < start + 2:
            raise ImageError("truncated", f"a segment ends at byte {end} of {len(encoded)}")
        if marker in _OTHER_FRAMES:
            raise ImageError("undecodable", f"the JPEG is {_OTHER_FRAMES[marker]}")
        if marker in _READABLE_FRAMES and frame is None:
            frame = _read_frame(encoded[start + 2 : end])
            components, is_progressive = encoded[start + 8 : end : 3], marker == _PROGRESSIVE
        if marker == _APP1:
            app1.append(encoded[start + 2 : end])
        offset = end
        if marker == _SOS:
            scans.append(encoded[start + 2 : end])
            if len(scans) > _MOST_SCANS:
                raise ImageError("too_large", f"more scans than {_MOST_SCANS}")
            found = _MARKER_AFTER_SCAN.search(encoded, end)
            offset = found.start() if found else len(encoded)
    if frame is None or not scans:
        raise ImageError("corrupt", "the JPEG has no frame header, or no scan")
    _check_scans(scans, components, is_progressive)
    orientation = find_xmp_orientation(_with(EXIF_START, app1), _with(XMP_START, app1))
    return Jpeg(*frame, size_bytes=start, xmp_orientation=orientation)


def _with(start: bytes, segments: list[bytes]) -> list[bytes]:
    return [each[len(start) :] for each in segments if each.startswith(start)]


def _check_scans(scans: list[bytes], components: bytes, is_progressive: bool) -> None:
    """Refuse a file that ends, properly, after some of its scans: it decodes to a coarser image.

    A progressive scan gives some coefficients of some components, down to bit `Al` (T.81, G.1); in
    the end each has to be known to its last bit.

    Raises:
        ImageError: reason `truncated` or `corrupt`.
    """
    wanted = {(each, k) for each in components for k in range(64)}
    for scan in scans:
        num_components = scan[0] if scan else 0
        if len(scan) != 4 + 2 * num_components:
            raise ImageError("corrupt", f"a scan header has {len(scan)} bytes")
        first, last, bits = scan[-3:] if is_progressive else (0, 63, 0)
        if bits & 0xF == 0:
            known = range(first, last + 1)
            wanted -= {(each, k) for each in scan[1:-3:2] for k in known}
    if wanted:
        raise ImageError("truncated", f"{len(wanted)} coefficients of the JPEG are in no scan")


def _marker(encoded: bytes, offset: int) -> tuple[int, int]:
    """Return the marker at `offset` and where it ends; any number of 0xFF may come before it."""
    if offset < len(encoded) and encoded[offset] != 0xFF:
        raise ImageError("corrupt", f"no marker at byte {offset}")
    while offset < len(encoded) and encoded[offset] == 0xFF:
        offset += 1
    if offset >= len(encoded):
        raise ImageError("truncated", f"the file ends at byte {len(encoded)}, before its EOI")
    return encoded[offset], offset + 1


def _read_frame(content: bytes) -> tuple[int, int, int]:
    """Return width, height and channels.

    Four channels are CMYK or YCCK, inks, whose grey depends on a printer's profile that nobody
    has. 12-bit samples are read by no decoder in use.
    """
    if len(content) < 6:
        raise ImageError("corrupt", f"the frame header has {len(content)} bytes")
    height_px, width_px = (int.from_bytes(content[at : at + 2], "big") for at in (1, 3))
    if content[0] != 8:
        raise ImageError("undecodable", f"the JPEG has {content[0]} bits a sample")
    if content[5] == 4:
        raise ImageError("cmyk", "four channels: the JPEG is CMYK or YCCK")
    if content[5] not in (1, 3):
        raise ImageError("undecodable", f"the JPEG has {content[5]} channels")
    check_size(width_px, height_px)
    return width_px, height_px, content[5]
