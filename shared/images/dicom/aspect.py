"""The aspect ratio of pixels."""

from pydicom import Dataset

from shared.images.dicom.values import read_numbers

_NAMES = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
_MOST_DIFFERENCE = 0.01


def note_aspect(dataset: Dataset) -> tuple[str, ...]:
    """Return a note if pixels are not square (PS3.3, C.7.6.3.1.7).

    Detectors of radiographs have square pixels, so pixels are not resampled.
    """
    for name in _NAMES:
        try:
            numbers = read_numbers(dataset, name)
        except ValueError:
            continue
        if len(numbers) == 2 and min(numbers) > 0:
            ratio = numbers[0] / numbers[1]
            is_square = abs(ratio - 1) <= _MOST_DIFFERENCE
            return () if is_square else (f"pixels of {ratio:.3g} : 1 are displayed as squares",)
    return ()
