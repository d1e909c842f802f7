"""Levels of a picture: their histogram, and a stretch to the range of grey levels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.images.dicom.stored import Levels
from shared.images.pixels import Pixels

# a wider range is sorted, as a table of it may be larger than the picture
_MOST_LEVELS = 65_536
# shares of the visible pixels at black and white without a window; markers and hot pixels are
# brighter than the anatomy, and take less
_STRETCH_SHARES = (0.005, 0.995)


@dataclass(frozen=True)
class Histogram:
    """The distinct levels of a picture, ascending, with the visible pixels of each."""

    levels: Levels
    counts: npt.NDArray[np.int64]
    # position of each pixel's level
    indices: npt.NDArray[Any]


def count_levels(values: Levels, visible: npt.NDArray[np.bool_] | None) -> Histogram:
    """Count the visible pixels of each level; `visible` is None for all pixels."""
    low, high = int(values.min()), int(values.max())
    if high - low < _MOST_LEVELS:
        levels = np.arange(low, high + 1, dtype=np.int64)
        indices = values.astype(np.int64 if values.dtype.itemsize > 2 else np.int32) - low
    else:
        levels, indices = np.unique(values, return_inverse=True)
        indices = indices.reshape(values.shape)
    shown = indices.ravel() if visible is None else indices[visible]
    return Histogram(levels, np.bincount(shown, minlength=len(levels)), indices)


def stretch(values: Levels, counts: npt.NDArray[np.int64]) -> Pixels:
    """Map a range that includes nearly all visible pixels to 0 to 255."""
    order = np.argsort(values, kind="stable")
    ascending, num_up_to = values[order].astype(np.float64), np.cumsum(counts[order])
    shares = [share * num_up_to[-1] for share in _STRETCH_SHARES]
    low, high = ascending[np.searchsorted(num_up_to, shares)]
    if low == high:
        present = values[counts > 0]
        low, high = float(present.min()), float(present.max())
    span = high - low or 1.0
    return np.rint(np.clip((values - low) / span, 0, 1) * 255).astype(np.uint8)
