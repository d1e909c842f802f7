"""Structural checks on a JPEG, before decoding."""

import re
from dataclasses import dataclass

from shared.errors import ImageError
from shared.images.orientation import EXIF_START, XMP_START, find_xmp_orientation
from shared.images.size import check_size

# second bytes of markers (ITU-T T.81, table B.1); the first is 0xFF
SOI, SOS = 0xD8, 0xDA
_EOI, _APP1 = 0xD9, 0xE1
# TEM and RST0 to RST7
MARKERS_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_PROGRESSIVE = 0xC2
# baseline, extended sequential and progressive, with Huffman codes
_READABLE_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic-coded"),
    0xF7: "JPEG-LS",
}
# SOF markers of JPEG and JPEG-LS
FRAME_MARKERS = {*_READABLE_FRAMES, *_OTHER_FRAMES}
# within entropy-coded data, 0xFF 0x00 is a data byte and restart markers are part of the data; fill
# bytes before a marker are skipped elsewhere, because a pattern for them is slow on long runs
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# encoders write about 10 scans and optimizers 20; each, even an empty one, costs a decoding pass
_MOST_SCANS = 64


@dataclass(frozen=True)
class Jpeg:
    """Header data of a JPEG with a valid sequence of markers.

    Attributes:
        size_bytes: number of bytes up to the end of the EOI marker.
        xmp_orientation: orientation in XMP if EXIF has none and it is not 1; else None.
    """

    width_px: int
    height_px: int
    channels: int
    size_bytes: int
    xmp_orientation: int | None


def read_jpeg(encoded: bytes) -> Jpeg:
    """Check the structure of a JPEG (ITU-T T.81, annex B) and return its header data.

    Raises:
        ImageError: reason `truncated`, `corrupt`, `undecodable`, `cmyk` or `too_large`, or those of
            `check_size`.
    """
    offset, frame, scans, app1 = 2, None, list[bytes](), list[bytes]()
    components, is_progressive = b"", False
    # The EOI marker is required, because decoders fill missing data with grey or with uninitialized
    # memory. Bytes after it are ignored, as in every decoder.
    while True:
        marker, start = _marker(encoded, offset)
        if marker == _EOI:
            break
        offset = start
        if marker in MARKERS_WITHOUT_LENGTH:
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
        if marker == SOS:
            scans.append(encoded[start + 2 : end])
            if len(scans) > _MOST_SCANS:
                raise ImageError("too_large", f"more than {_MOST_SCANS} scans")
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
    """Refuse a file that lacks scans, because it would decode to a coarser image."""
    # a progressive scan encodes some coefficients of some components, down to bit Al (T.81, G.1);
    # all scans together must cover each coefficient down to its last bit
    missing = {(each, k) for each in components for k in range(64)}
    for scan in scans:
        num_components = scan[0] if scan else 0
        if len(scan) != 4 + 2 * num_components:
            raise ImageError("corrupt", f"a scan header has {len(scan)} bytes")
        first, last, bits = scan[-3:] if is_progressive else (0, 63, 0)
        if bits & 0xF == 0:
            covered = range(first, last + 1)
            missing -= {(each, k) for each in scan[1:-3:2] for k in covered}
    if missing:
        raise ImageError("truncated", f"no scan contains {len(missing)} of the coefficients")


def _marker(encoded: bytes, offset: int) -> tuple[int, int]:
    """Return the marker at `offset` and the position after it."""
    if offset < len(encoded) and encoded[offset] != 0xFF:
        raise ImageError("corrupt", f"no marker at byte {offset}")
    # fill bytes may precede it
    while offset < len(encoded) and encoded[offset] == 0xFF:
        offset += 1
    if offset >= len(encoded):
        raise ImageError("truncated", f"the file ends at byte {len(encoded)}, without an EOI")
    return encoded[offset], offset + 1


def _read_frame(content: bytes) -> tuple[int, int, int]:
    if len(content) < 6:
        raise ImageError("corrupt", f"the frame header has {len(content)} bytes")
    height_px, width_px = (int.from_bytes(content[at : at + 2], "big") for at in (1, 3))
    # no decoder in use reads 12-bit samples
    if content[0] != 8:
        raise ImageError("undecodable", f"the JPEG has {content[0]} bits per sample")
    # the conversion of inks to grey depends on an unknown printer profile
    if content[5] == 4:
        raise ImageError("cmyk", "four channels: the JPEG is CMYK or YCCK")
    if content[5] not in (1, 3):
        raise ImageError("undecodable", f"the JPEG has {content[5]} channels")
    check_size(width_px, height_px)
    return width_px, height_px, content[5]
