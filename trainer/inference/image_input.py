"""Read an image file and prepare it exactly as during ingest."""

from dataclasses import dataclass
from pathlib import Path

from shared.errors import ImageError
from shared.images.decode import read_radiograph
from shared.images.pixels import Pixels
from shared.images.preprocessing.prepare import prepare
from shared.images.radiograph import Radiograph
from shared.images.spec import ImageSpec

# larger files are rejected before they are read into memory
_LIMIT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class PreparedView:
    """Pixels for a model, uint8 (size, size); `study` is the StudyInstanceUID of a DICOM file."""

    pixels: Pixels
    study: str
    notes: tuple[str, ...]


def read_view(path: Path, spec: ImageSpec) -> PreparedView:
    """Read and prepare one view from a file with any name.

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
    return prepare_view(read_radiograph(encoded, spec.decoding_depth), spec)


def prepare_view(radiograph: Radiograph, spec: ImageSpec) -> PreparedView:
    """Prepare a decoded file as ingest does."""
    return PreparedView(prepare(radiograph.grey, spec), radiograph.study, radiograph.notes)
