"""Orientation of a picture, from EXIF or XMP."""

import re
import zlib
from collections.abc import Iterable
from struct import pack, unpack_from

from shared.errors import ImageError

# first bytes of the APP1 segments of a JPEG that hold EXIF or XMP
EXIF_START, XMP_START = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
# tag of the orientation, and TIFF's type for uint16
_TAG, _SHORT = 0x0112, 3
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_MOST_XMP_BYTES = 1024 * 1024
# an attribute or an element (XMP specification, part 1, 7.5 and 7.9)
_IN_XMP = re.compile(rb"\btiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")


def find_xmp_orientation(exif: Iterable[bytes], xmp: Iterable[bytes]) -> int | None:
    """Return the orientation in XMP packets if EXIF blocks have none; None if it is upright.

    Raises:
        ImageError: reason `corrupt`: XMP has two different orientations.
    """
    # EXIF takes precedence, as in Pillow
    if any(_has_orientation(each) for each in exif):
        return None
    found = {int(number) for each in xmp for number in _IN_XMP.findall(each)}
    if len(found) > 1:
        raise ImageError("corrupt", "XMP has two orientations")
    return next(iter(found - {1}), None)


def make_exif(orientation: int) -> bytes:
    """Return an EXIF block that contains only an orientation (EXIF 2.32, 4.6.2)."""
    return b"II*\0" + pack("<IHHHIHHI", 8, 1, _TAG, _SHORT, 1, orientation, 0, 0)


def read_png_xmp(text: bytes) -> bytes:
    """Return the XMP packet of a PNG's iTXt chunk, or empty bytes (PNG, 11.3.3.4)."""
    if not text.startswith(_XMP_KEYWORD):
        return b""
    is_compressed = text[len(_XMP_KEYWORD) : len(_XMP_KEYWORD) + 1] == b"\1"
    fields = text[len(_XMP_KEYWORD) + 2 :].split(b"\0", 2)
    xmp = fields[-1][:_MOST_XMP_BYTES]
    if not is_compressed:
        return xmp
    try:
        return zlib.decompressobj().decompress(xmp, _MOST_XMP_BYTES)
    except zlib.error:
        return b""


def _has_orientation(exif: bytes) -> bool:
    order = _BYTE_ORDERS.get(exif[:4])
    if order is None or len(exif) < 10:
        return False
    (start,) = unpack_from(f"{order}I", exif, 4)
    (num_entries,) = unpack_from(f"{order}H", exif, start) if start + 2 <= len(exif) else (0,)
    entries = (start + 2 + 12 * index for index in range(num_entries))
    return any(
        unpack_from(f"{order}H", exif, entry) == (_TAG,)
        for entry in entries
        if entry + 12 <= len(exif)
    )
