"""Bounded DICOM reader for the elements that a picture needs."""

import io
import zlib
from typing import Any

import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from shared.errors import ImageError
from shared.images.dicom.frames import OFFSETS
from shared.images.dicom.functional_groups import DISPLAYED

# pydicom leaves many types unknown, so pyright would report every use
_untyped: Any = pydicom

_NEEDED = (
    "SOPClassUID",
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "RepresentativeFrameNumber",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "ModalityLUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "PresentationLUTShape",
    "RedPaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableData",
    "PixelAspectRatio",
    "PixelSpacing",
    "ImagerPixelSpacing",
    *DISPLAYED,
    *OFFSETS,
    "PixelData",
)
# pydicom makes two or three reads per element; headers of radiographs have hundreds of elements
_MOST_READS = 30_000
# limit for any element except the pixels; the largest look-up table has 128 KiB
_MOST_VALUE_BYTES = 1024 * 1024
# the largest accepted picture in 16 bits has 128 MiB
_MOST_INFLATED_BYTES = 160 * 1024 * 1024
_PART_BYTES = 16 * 1024 * 1024
# DICOM tags as bytes, little-endian first
_CHARACTER_SETS = (b"\x08\x00\x05\x00", b"\x00\x08\x00\x05")
_PIXELS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
# ModalityLUTSequence and VOILUTSequence
_TABLES = (b"\x28\x00\x00\x30", b"\x00\x28\x30\x00", b"\x28\x00\x10\x30", b"\x00\x28\x30\x10")
# pydicom reads tag, value representation and length of an element at once
_HEADER_BYTES = 8


class _DeflatedError(Exception):
    """pydicom requests the rest of the file, to inflate it without a limit."""


class _BoundedFile(io.BytesIO):
    def __init__(self, content: bytes):
        super().__init__(content)
        self._num_reads, self._num_bytes = 0, 0
        # for values of undefined length pydicom seeks backwards, so without a limit it could read
        # the file once per element
        self._most_bytes = 4 * len(content) + _MOST_VALUE_BYTES
        self._header = b""
        self.refusal: ImageError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise _DeflatedError
        tag = self._header[:4]
        if size > _HEADER_BYTES and tag in _CHARACTER_SETS:
            # text is not used, and pydicom warns about each unknown name among thousands of
            # character sets
            self.seek(size, io.SEEK_CUR)
            return b""
        if size > _MOST_VALUE_BYTES and tag not in _PIXELS:
            if tag in _TABLES:
                raise self._refuse(f"a look-up table has {size} bytes")
            self.seek(size, io.SEEK_CUR)
            return b""
        content = super().read(size)
        self._num_reads, self._num_bytes = self._num_reads + 1, self._num_bytes + len(content)
        if self._num_reads > _MOST_READS or self._num_bytes > self._most_bytes:
            raise self._refuse(f"more than {_MOST_READS // 3} elements")
        if size == _HEADER_BYTES:
            self._header = content
        return content

    def _refuse(self, detail: str) -> ImageError:
        self.refusal = ImageError("too_large", detail)
        return self.refusal


def read_elements(encoded: bytes) -> pydicom.Dataset:
    """Return the elements of a DICOM file that its picture needs.

    Raises:
        ImageError: reason `too_large`: more elements, or larger ones, than in any radiograph.
        Exception: any error of pydicom or zlib for a damaged file.
    """
    file = _BoundedFile(encoded)
    try:
        return _name_syntax(_parse(file))
    except _DeflatedError:
        head, deflated = encoded[: file.tell()], memoryview(encoded)[file.tell() :]
    # padded to the same length, so that all offsets in the file's header stay valid
    plain = ExplicitVRLittleEndian.ljust(len(DeflatedExplicitVRLittleEndian), "\0")
    head = head.replace(DeflatedExplicitVRLittleEndian.encode(), plain.encode())
    return _parse(_BoundedFile(head + _inflate(deflated)))


def _name_syntax(dataset: pydicom.Dataset) -> pydicom.Dataset:
    # a file without file meta elements: pydicom has recognized the syntax
    if not dataset.file_meta.get("TransferSyntaxUID"):
        is_implicit, is_little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return dataset


def _parse(file: _BoundedFile) -> pydicom.Dataset:
    try:
        return _untyped.dcmread(file, specific_tags=list(_NEEDED), force=True)
    except _DeflatedError:
        raise
    except Exception:
        # within a sequence, pydicom converts every error to OSError
        if file.refusal:
            raise file.refusal from None
        raise


def _inflate(deflated: memoryview) -> bytes:
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    content = bytearray()
    rest: bytes | memoryview = deflated
    while not inflating.eof:
        part = inflating.decompress(rest, _PART_BYTES)
        rest = inflating.unconsumed_tail
        content += part
        if len(content) > _MOST_INFLATED_BYTES:
            raise ImageError("too_large", f"more than {_MOST_INFLATED_BYTES} bytes after inflation")
        if not part and not rest and not inflating.eof:
            raise ImageError("truncated", "the deflated elements are incomplete")
    return bytes(content)
