"""DICOM display pipeline, from stored samples to the grey levels of the initial display."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.pixels import processing

from shared.errors import ImageError
from shared.images.decode import refuse_blank
from shared.images.pixels import Pixels

# pydicom leaves array types unknown, so pyright would report every use
_pydicom: Any = processing
_Levels = npt.NDArray[Any]

_MOST_LEVELS = 65_536
"""Maximum number of entries of a look-up table; the 16-bit descriptor encodes it as 0."""


@dataclass(frozen=True)
class _Histogram:
    """The distinct levels of a picture, in ascending order.

    Attributes:
        levels: Stored values.
        is_shown: True for levels that occur in the picture and are not padding.
        is_padding: True for padding levels (PS3.3, C.7.5.1.1.2).
    """

    levels: _Levels
    is_shown: npt.NDArray[np.bool_]
    is_padding: npt.NDArray[np.bool_]


def show(samples: _Levels, dataset: Dataset) -> Pixels:
    """Convert stored samples to grey levels of 0 to 255.

    Apply the modality LUT or rescaling, then the VOI LUT or the first window (PS3.3, C.11.1 and
    C.11.2), and map the output range to 0 to 255. Without a VOI LUT and a window, 8-bit samples
    stay unchanged, and others are stretched from their minimum to their maximum. MONOCHROME1
    displays low values bright, so it is inverted. Padding becomes black.

    Args:
        samples: Integers of shape (height, width).
        dataset: The DICOM elements of the picture.

    Raises:
        ImageError: Reason `blank` if all pixels other than padding have one grey level.
    """
    low, high = int(samples.min()), int(samples.max())
    if high - low < _MOST_LEVELS:
        levels = np.arange(low, high + 1, dtype=np.int64).astype(samples.dtype)
        indices = samples.astype(np.int64) - low
        is_present = np.bincount(indices.ravel(), minlength=len(levels)) > 0
    else:
        levels, indices = np.unique(samples, return_inverse=True)
        is_present = np.ones(len(levels), np.bool_)
    is_padding = _is_padding(levels, dataset)
    histogram = _Histogram(levels, is_present & ~is_padding, is_padding)
    table = _show_levels(histogram, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        table = np.bitwise_not(table)
    refuse_blank(table[histogram.is_shown])
    table[is_padding] = 0
    return table[indices].reshape(samples.shape)


def _is_padding(levels: _Levels, dataset: Dataset) -> npt.NDArray[np.bool_]:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(levels.shape, np.bool_)
    limits = (int(value), int(dataset.get("PixelPaddingRangeLimit", value)))
    # the value may be written as signed for unsigned samples, and vice versa
    first, last = sorted(np.array(limits, np.int64).astype(levels.dtype).tolist())
    return (levels >= first) & (levels <= last)


def _show_levels(histogram: _Histogram, dataset: Dataset) -> Pixels:
    levels = histogram.levels
    values = _to_modality(levels, dataset)
    if not np.isfinite(values).all():
        raise ImageError("blank", "a rescale slope or intercept is not finite")
    if dataset.get("VOILUTSequence"):
        table = _read_table(dataset.VOILUTSequence[0], dataset)
        shown, low, high = _look_up(values, table), float(table[1].min()), float(table[1].max())
    elif _has_window(dataset):
        shown, low, high = _apply_window(values, dataset), 0.0, 255.0
    elif levels.dtype == np.uint8 and dataset.BitsStored == 8 and values is levels:
        return levels.copy()
    else:
        inside = values[histogram.is_shown]
        low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
        shown = values
    if not np.isfinite(shown).all():
        raise ImageError("blank", "a window's centre or width is not finite")
    scaled = (shown - low) * (255 / (high - low)) if high > low else np.zeros(shown.shape)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _to_modality(levels: _Levels, dataset: Dataset) -> _Levels:
    """Apply the modality LUT or rescaling."""
    if dataset.get("ModalityLUTSequence"):
        return _look_up(levels, _read_table(dataset.ModalityLUTSequence[0], dataset))
    slope, intercept = (
        _number(dataset, name, default)
        for name, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    if (slope, intercept) == (1.0, 0.0):
        return levels
    return levels.astype(np.float64) * slope + intercept


def _read_table(item: Dataset, dataset: Dataset) -> tuple[int, _Levels]:
    """Return the first mapped value and the entries of a look-up table (PS3.3, C.11.1.1)."""
    num_entries, first, _ = map(int, item.LUTDescriptor)
    num_entries = num_entries or _MOST_LEVELS
    data: Any = item.LUTData
    if isinstance(data, bytes):
        is_little: Any = dataset.file_meta.TransferSyntaxUID.is_little_endian
        # 8-bit entries may be packed, two per 16-bit word
        kind = np.uint8 if len(data) < 2 * num_entries and len(data) in _packed(num_entries) else ""
        data = np.frombuffer(data, kind or ("<u2" if is_little else ">u2"))
    entries = np.asarray(data, np.int64)[:num_entries]
    if len(entries) < num_entries:
        raise ImageError(
            "undecodable", f"a look-up table has {len(entries)} of {num_entries} entries"
        )
    return first, entries


def _packed(num_entries: int) -> tuple[int, int]:
    return num_entries, num_entries + num_entries % 2


def _look_up(values: _Levels, table: tuple[int, _Levels]) -> _Levels:
    first, entries = table
    return entries[np.clip(np.rint(values) - first, 0, len(entries) - 1).astype(np.int64)]


def _apply_window(values: _Levels, dataset: Dataset) -> _Levels:
    """Apply the first window, with an output range of 0 to 255.

    pydicom derives the output range from the stored bits and the rescaling, which inverts the
    picture for a negative slope. The window is therefore applied as for unsigned 8-bit samples.
    """
    window: Any = Dataset()
    window.PhotometricInterpretation = "MONOCHROME2"
    window.BitsStored, window.PixelRepresentation = 8, 0
    window.WindowCenter = _number(dataset, "WindowCenter", 0.0)
    window.WindowWidth = width = _number(dataset, "WindowWidth", 0.0)
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    # LINEAR is defined for integers and for widths of at least 1
    window.VOILUTFunction = "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function
    return _pydicom.apply_windowing(values, window)


def _has_window(dataset: Dataset) -> bool:
    # some files without a window have a width of 0
    return dataset.get("WindowCenter") not in (None, "") and (
        not _number(dataset, "WindowWidth", 0.0) <= 0
    )


def _number(dataset: Dataset, name: str, default: float) -> float:
    """Return the first value of an element; an empty element counts as absent."""
    value = dataset.get(name)
    numbers = np.atleast_1d(np.asarray(default if value in (None, "") else value, np.float64))
    return float(numbers[0]) if numbers.size else default
