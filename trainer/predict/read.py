"""Read: a file becomes the image that a model sees, the same that ingest would have stored."""

from functools import cache
from pathlib import Path

from shared.decode import decode_radiograph
from shared.errors import ImageError
from shared.image import Pixels
from shared.image_spec import ImageSpec
from shared.limited_process import LimitedProcesses
from shared.prepare import prepare
from trainer.predict.dicom import decode_dicom, is_dicom

_LIMIT_BYTES = 256 * 1024 * 1024


@cache
def _dicom_decoder() -> LimitedProcesses:
    return LimitedProcesses("trainer.predict.read:decode_grey")


def read_view(path: Path, spec: ImageSpec) -> Pixels:
    """Read and prepare one view.

    Args:
        path: a PNG, JPEG or DICOM file, whatever it is called.
        spec: of the lake that the model was trained on.

    Returns:
        uint8 of shape (size, size).

    Raises:
        ImageError: it cannot be read, or is no radiograph that could be read rightly.
    """
    try:
        if path.exists() and not path.is_file():
            raise ImageError("unreadable", "no regular file")
        if (num_bytes := path.stat().st_size) > _LIMIT_BYTES:
            raise ImageError("too_large", f"{num_bytes:,} bytes, at most {_LIMIT_BYTES:,}")
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error)) from None
    return decode_view(encoded, spec)


def decode_grey(encoded: bytes) -> Pixels:
    """Decode the bytes of a PNG, JPEG or DICOM file in this process.

    Returns:
        uint8 of shape (height, width).

    Raises:
        ImageError: the bytes are no radiograph that could be read rightly.
        MemoryError: the machine has too little memory.
    """
    return decode_dicom(encoded) if is_dicom(encoded) else decode_radiograph(encoded).grey


def decode_view(encoded: bytes, spec: ImageSpec) -> Pixels:
    """Decode the bytes of a PNG, JPEG or DICOM file and prepare them as ingest does.

    DICOM is decoded in another process, because the decoders of compressed transfer syntaxes are
    native code that a damaged file can crash, hang or make ask for memory without end.

    Args:
        encoded: a file's bytes.
        spec: of the lake that the model was trained on.

    Returns:
        uint8 of shape (size, size).

    Raises:
        ImageError: the bytes are no radiograph that could be read rightly.
        MemoryError: the machine has too little memory.
    """
    grey = _dicom_decoder().decode(encoded) if is_dicom(encoded) else decode_grey(encoded)
    return prepare(grey, spec)
