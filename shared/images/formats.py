"""Detection of file formats from the first bytes, regardless of the file name."""

import codecs
import re
from struct import unpack_from
from typing import Literal

from shared.errors import ImageError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# after a preamble of any content (PS3.10, 7.1)
_DICOM_PREFIX, _DICOM_OFFSET = b"DICM", 128
_FIRST_BYTES = 512
# number of first bytes that `is_dicom` needs
NUM_HEADER_BYTES = 132
# endings of the names of radiographs, in lower case
SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".dic")
# a name without an ending, or a UID such as 1.2.840.10008, which archives use as name
_BARE_NAME = re.compile(r"[^.]+|.*\.\d+")
# explicit value representations of the elements that begin a file (PS3.5, 6.2)
_FIRST_VRS = (b"UL", b"OB", b"UI", b"SH", b"CS", b"LO", b"DA", b"TM", b"ST")
_MOST_FIRST_VALUE_BYTES = 128
# offset, magic number, name; from the specifications of the formats and the `file` command
_OTHER_FORMATS = (
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"II+\x00", "BigTIFF"),
    (0, b"MM\x00+", "BigTIFF"),
    (8, b"WEBP", "WebP"),
    (0, b"%PDF-", "PDF"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"\x00\x05\x16\x07", "AppleDouble"),
)


def detect_format(encoded: bytes) -> Literal["png", "jpeg", "dicom"]:
    """Return the readable format of a file; DICOM files may lack the preamble.

    Raises:
        ImageError: reason `empty`, `truncated`, `lfs_pointer`, `text`, `other_format`, `corrupt` (a
            PNG with a changed signature) or `unknown_format`.
    """
    # The content decides, because many collections contain JPEGs named .png, and a failed download
    # keeps its name. There is one reason for each remedy: download again (empty, text), git lfs
    # pull (lfs_pointer), convert (other_format).
    if encoded.startswith(PNG_SIGNATURE):
        return "png"
    if encoded.startswith(_JPEG_SIGNATURE):
        return "jpeg"
    if is_dicom(encoded) or _is_bare_dicom(encoded):
        return "dicom"
    if not encoded:
        raise ImageError("empty", "the file is empty")
    first = encoded[:_FIRST_BYTES]
    if PNG_SIGNATURE.startswith(first) or _JPEG_SIGNATURE.startswith(first):
        raise ImageError("truncated", f"the file ends at byte {len(encoded)}, inside its signature")
    if first.startswith(_LFS_POINTER):
        raise ImageError("lfs_pointer", "the file is a Git LFS pointer")
    for offset, magic, name in _OTHER_FORMATS:
        if first.startswith(magic, offset):
            raise ImageError("other_format", f"the file is {name}")
    if b"PNG" in first[:8] and b"IHDR" in first[:32]:
        raise ImageError("corrupt", "the PNG signature is damaged")
    # do not quote the content: the reader of the message may not be entitled to see it
    if _is_text(first):
        raise ImageError("text", "the file is text")
    raise ImageError("unknown_format", "the first bytes match no known format")


def is_dicom(encoded: bytes) -> bool:
    """Return whether bytes start with the DICOM preamble and prefix (PS3.10, 7.1)."""
    return encoded.startswith(_DICOM_PREFIX, _DICOM_OFFSET)


def has_suffix(name: str) -> bool:
    """Return whether a file is a radiograph by its name."""
    return name.lower().endswith(SUFFIXES)


def is_bare_name(name: str) -> bool:
    """Return whether a file without a suffix may be DICOM, so that its first bytes decide."""
    return _BARE_NAME.fullmatch(name) is not None


def _is_bare_dicom(encoded: bytes) -> bool:
    # an element of group 2 or 8 at the start, without a preamble; the first one is short, and its
    # value representation is explicit, or it has a length only
    if len(encoded) < NUM_HEADER_BYTES:
        return False
    for order in ("<", ">"):
        group, element, vr, length = unpack_from(f"{order}HH2sH", encoded)
        (implicit,) = unpack_from(f"{order}I", encoded, 4)
        is_short = vr in _FIRST_VRS and (vr == b"OB" or length <= _MOST_FIRST_VALUE_BYTES)
        is_implicit = order == "<" and 0 < implicit <= _MOST_FIRST_VALUE_BYTES
        if group in (2, 8) and element <= 0x20 and (is_short or is_implicit):
            return True
    return False


def _is_text(first: bytes) -> bool:
    try:
        # incremental, because the last character may be incomplete
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(first)
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)
