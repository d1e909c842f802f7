"""Read an image file and prepare it exactly as during ingest."""

from functools import cache
from pathlib import Path

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from shared.images.formats import is_dicom
from shared.images.pixels import Pixels
from shared.images.prepare import prepare
from shared.images.spec import ImageSpec
from shared.processes.limited_process import LimitedProcesses

_LIMIT_BYTES = 256 * 1024 * 1024
"""Larger files are rejected before they are read into memory."""


@cache
def _dicom_decoder() -> LimitedProcesses:
    return LimitedProcesses("trainer.inference.image_input:decode_grey")


def read_view(path: Path, spec: ImageSpec) -> Pixels:
    """Read and prepare one view, uint8 (size, size), from a file with any name.

    Raises:
        ImageError: the file cannot be read, or is not a supported radiograph.
    """
    try:
        if path.exists() and not path.is_file():
            raise ImageError("unreadable", "not a regular file")
        if (num_bytes := path.stat().st_size) > _LIMIT_BYTES:
            raise ImageError("too_large", f"{num_bytes:,} bytes, at most {_LIMIT_BYTES:,}")
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error)) from None
    return decode_view(encoded, spec)


def decode_grey(encoded: bytes) -> Pixels:
    """Decode a PNG, JPEG or DICOM file in this process, to uint8 (height, width).

    Raises:
        ImageError: the bytes are not a supported radiograph.
        MemoryError: the machine has too little memory.
    """
    if not is_dicom(encoded):
        return decode_radiograph(encoded).grey

    # late, as pydicom takes long to import
    from shared.images.dicom.decode import decode_dicom

    return decode_dicom(encoded)


def decode_view(encoded: bytes, spec: ImageSpec) -> Pixels:
    """Decode a PNG, JPEG or DICOM file and prepare it as ingest does, to uint8 (size, size).

    DICOM is decoded in another process, because the decoders of compressed transfer syntaxes are
    native code, and a damaged file can make them crash, hang or allocate without limit.

    Raises:
        ImageError: the bytes are not a supported radiograph.
        MemoryError: the machine has too little memory.
    """
    grey = _dicom_decoder().decode(encoded) if is_dicom(encoded) else decode_grey(encoded)
    return prepare(grey, spec)
