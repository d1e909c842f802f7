"""Stored values and padding of a greyscale DICOM picture."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from shared.images.dicom.values import read_word

Levels = npt.NDArray[Any]


@dataclass(frozen=True)
class StoredPixels:
    """Stored values, integers of shape (height, width), and where they are padding, if anywhere."""

    values: Levels
    is_padding: npt.NDArray[np.bool_] | None


def extract_stored(samples: Levels, dataset: Dataset, precision: int | None) -> StoredPixels:
    """Return stored values and padding.

    Args:
        samples: decoded samples of shape (height, width), words of BitsAllocated bits.
        precision: bits per sample of a compressed picture, or None if the samples are whole words.
    """
    kind = np.dtype(f"u{samples.dtype.itemsize}")
    words = samples.astype(samples.dtype.newbyteorder("=")).view(kind)
    stored, high = int(dataset.BitsStored), int(dataset.HighBit)
    is_signed = bool(dataset.PixelRepresentation)
    # a sample takes BitsStored bits of a word of BitsAllocated bits, up to HighBit; other bits may
    # hold overlays (PS3.3, C.7.6.3.1.1 and PS3.5, 8.1.1)
    shift = high + 1 - stored
    if precision is not None and precision <= high:
        # the encoder has shifted the samples, and may have used fewer bits
        stored, shift = min(stored, precision), 0
    num_unused = 8 * kind.itemsize - stored
    values = words
    if shift or num_unused:
        # moves the sign bit to the top, and copies it down if the samples are signed
        values = words << kind.type(max(0, num_unused - shift))
        if is_signed:
            values = values.view(np.dtype(f"i{kind.itemsize}"))
        values = values >> values.dtype.type(num_unused)
    elif is_signed:
        values = words.view(np.dtype(f"i{kind.itemsize}"))
    return StoredPixels(values, _find_padding(words, values, stored, dataset))


def complete_bits(dataset: Dataset) -> None:
    """Set BitsStored, HighBit and PixelRepresentation where they are empty or contradictory."""
    allocated = int(dataset.BitsAllocated)
    stored = min(read_word(dataset, "BitsStored") or allocated, allocated)
    high = read_word(dataset, "HighBit")
    if high is None or not stored <= high + 1 <= allocated:
        high = stored - 1
    dataset.BitsStored, dataset.HighBit = stored, high
    dataset.PixelRepresentation = read_word(dataset, "PixelRepresentation") or 0


def _find_padding(
    words: Levels, values: Levels, stored: int, dataset: Dataset
) -> npt.NDArray[np.bool_] | None:
    first = read_word(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = read_word(dataset, "PixelPaddingRangeLimit")
    limits = [_as_stored(each, values.dtype) for each in (first, first if last is None else last)]
    is_signed = values.dtype.kind == "i"
    highest = 2 ** (stored - is_signed) - 1
    lowest = -(highest + 1) if is_signed else 0
    if not all(lowest <= limit <= highest for limit in limits):
        # some devices write padding with bits above the stored ones
        values, limits = words, [limit % 2 ** (8 * words.dtype.itemsize) for limit in limits]
    low, high = min(limits), max(limits)
    if low == high:
        return values == values.dtype.type(low)
    return (values >= values.dtype.type(low)) & (values <= values.dtype.type(high))


def _as_stored(limit: int, kind: np.dtype[Any]) -> int:
    # a padding value may be written with another sign than the samples
    bits = 8 * kind.itemsize
    limit %= 2**bits
    return limit - 2**bits if kind.kind == "i" and limit >= 2 ** (bits - 1) else limit
