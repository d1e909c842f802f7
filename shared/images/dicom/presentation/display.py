"""DICOM display pipeline, from stored values to the grey levels of the initial display.

The steps and their sections of PS3.3:

1. Stored values (C.7.6.3.1): BitsStored bits up to HighBit; see `shared.images.dicom.stored`.
2. Padding (C.7.5.1.1.2), found in the stored values, and the display shutter (C.7.6.11): these
   pixels take no part in the following steps.
3. Modality look-up table, or rescale slope and intercept (C.11.1).
4. VOI look-up table, or else the first window (C.11.2), or else a stretch of the visible pixels.
5. Inversion for MONOCHROME1 (C.7.6.3.1.2) or a presentation LUT shape of INVERSE (C.8.11.3.1.2).
6. Grey levels of 0 to 255; padding and the pixels outside the shutter are black.

Empty elements count as absent. A step that cannot be applied is left out, with a note.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from shared.images.dicom.presentation.levels import Histogram, count_levels, stretch
from shared.images.dicom.presentation.shutter import read_shutter
from shared.images.dicom.presentation.window import read_table, read_window
from shared.images.dicom.stored import Levels, StoredPixels
from shared.images.dicom.values import read_number, read_text
from shared.images.pixels import Pixels
from shared.images.radiograph import refuse_blank

Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


class _Notes(list[str]):
    def attempt(self, name: str, read: Callable[[], Any]) -> Any:
        # files with unusable numbers are displayed without the step
        try:
            return read()
        except (ValueError, OverflowError):
            self.skip(name, "its values are unusable")

    def skip(self, name: str, reason: str) -> None:
        self.append(f"the {name} is not applied: {reason}")


def show(stored: StoredPixels, dataset: Dataset) -> tuple[Pixels, tuple[str, ...]]:
    """Convert stored values to grey levels of 0 to 255; return also the notes.

    Raises:
        ImageError: reason `blank` if all visible pixels have one grey level, or `corrupt` if a
            look-up table is incomplete.
    """
    notes = _Notes()
    visible = _find_visible(stored, dataset, notes)
    if visible is not None and not visible.any():
        refuse_blank(np.empty(0, np.uint8))
    histogram = count_levels(stored.values, visible)
    table = _show_levels(histogram, dataset, notes)
    is_monochrome1 = read_text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    if is_monochrome1 or read_text(dataset, "PresentationLUTShape").upper() == "INVERSE":
        table = np.bitwise_not(table)
    grey = table[histogram.indices].reshape(stored.values.shape)
    if visible is not None:
        grey[~visible] = 0
    return grey, tuple(notes)


def _find_visible(stored: StoredPixels, dataset: Dataset, notes: _Notes) -> Mask | None:
    is_padding = stored.is_padding
    shape = stored.values.shape
    shutter = notes.attempt("shutter", lambda: read_shutter(dataset, (shape[0], shape[1])))
    if is_padding is None or shutter is None:
        return shutter if is_padding is None else ~is_padding
    visible = ~is_padding & shutter
    if visible.any():
        return visible
    notes.skip("shutter", "it shows padding only")
    return ~is_padding


def _show_levels(histogram: Histogram, dataset: Dataset, notes: _Notes) -> Pixels:
    values = _to_modality(histogram.levels, dataset, notes)
    is_present = histogram.counts > 0
    # the first transformation that shows something
    for name, levels in _transformations(values, dataset, notes):
        grey = np.rint(levels).astype(np.uint8)
        present = grey[is_present]
        if present.min() < present.max():
            return grey
        notes.skip(name, "it would show one grey level")
    is_8_bits = dataset.BitsStored == 8 and not dataset.PixelRepresentation
    if is_8_bits and values is histogram.levels:
        # these are grey levels already
        grey = histogram.levels.astype(np.uint8)
    else:
        grey = stretch(values, histogram.counts)
    refuse_blank(grey[is_present])
    return grey


def _transformations(
    values: Values, dataset: Dataset, notes: _Notes
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    table = read_table(dataset, "VOILUTSequence")
    if table:
        yield "VOI look-up table", np.clip(table.look_up(values) * (255 / table.highest), 0, 255)
    elif dataset.get("VOILUTSequence"):
        notes.skip("VOI look-up table", "it is empty")
    window = notes.attempt("window", lambda: read_window(dataset))
    if window:
        yield "window", window.apply(values)


def _to_modality(levels: Levels, dataset: Dataset, notes: _Notes) -> Values:
    if table := read_table(dataset, "ModalityLUTSequence"):
        return table.look_up(levels)
    if dataset.get("ModalityLUTSequence"):
        notes.skip("modality look-up table", "it is empty")
    slope = notes.attempt("rescaling", lambda: read_number(dataset, "RescaleSlope"))
    slope = 1.0 if slope is None else slope
    intercept = notes.attempt("rescaling", lambda: read_number(dataset, "RescaleIntercept")) or 0.0
    if (slope, intercept) == (1.0, 0.0):
        return levels
    rescaled = levels.astype(np.float64) * slope + intercept
    # a sum of squares overflows as the stretch and the windows could
    if slope == 0 or not math.isfinite(float(np.abs(rescaled).max()) ** 2):
        notes.skip("rescaling", "its values are unusable")
        return levels
    return rescaled
