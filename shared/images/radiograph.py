"""The `Radiograph` class: the result of decoding a file of any format."""

from dataclasses import dataclass

from shared.errors import ImageError
from shared.images.pixels import Pixels

# reason of files that are not images by design, such as DICOM reports: they are no failures
NO_IMAGE = "no_image"


@dataclass(frozen=True)
class Radiograph:
    """A decoded file.

    Attributes:
        grey: upright pixels, uint8 of shape (height, width).
        width_px: width in the file, before its orientation is applied, as `height_px`.
        channels: number of channels in the file, including alpha; 3 for a palette.
        notes: deviations from the display that the file asks for, one sentence each.
        study: StudyInstanceUID of a DICOM file, or an empty string.
        patient: hash of the patient's identity in a DICOM file, 0 to 2 ** 63 - 1, or None.
    """

    grey: Pixels
    width_px: int
    height_px: int
    channels: int
    notes: tuple[str, ...] = ()
    study: str = ""
    patient: int | None = None


def refuse_blank(grey: Pixels) -> None:
    """Refuse an image with a single grey level, for which a prediction has no meaning.

    Raises:
        ImageError: reason `blank`.
    """
    if not grey.size:
        raise ImageError("blank", "all pixels are padding")
    # if a corner and the centre differ, the other pixels need no check
    centre = (grey.size + grey.shape[-1]) // 2 % grey.size
    if grey.flat[0] == grey.flat[centre] and (level := int(grey.min())) == int(grey.max()):
        raise ImageError("blank", f"all pixels have grey level {level}")
