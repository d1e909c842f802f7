"""Window and look-up tables of the modality and VOI transformations (PS3.3, C.11.1 and C.11.2)."""

import math
from dataclasses import dataclass
from struct import unpack
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.sequence import Sequence

from shared.errors import ImageError
from shared.images.dicom.values import is_little_endian, read_text, read_texts, to_number

Values = npt.NDArray[Any]
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
# maximum number of entries of a look-up table; the 16-bit descriptor encodes it as 0
_MOST_LEVELS = 65_536


@dataclass(frozen=True)
class Table:
    """A look-up table (PS3.3, C.11.1.1); `first` is the value that the first entry belongs to."""

    first: int
    entries: npt.NDArray[np.int64]
    bits: int

    def look_up(self, values: Values) -> npt.NDArray[np.int64]:
        """Return the entries for values; values outside the table get its first or last entry."""
        low, high = float(values.min()), float(values.max())
        # some devices write the first value with the other sign
        starts = (self.first, self.first - _MOST_LEVELS, self.first + _MOST_LEVELS)
        fits = (start for start in starts if start <= high and low < start + len(self.entries))
        indices = np.clip(np.rint(values) - next(fits, self.first), 0, len(self.entries) - 1)
        return self.entries[indices.astype(np.int64)]

    @property
    def highest(self) -> int:
        """The output value that is displayed white."""
        # some devices declare 16 bits and use 12; the picture would be nearly black
        most = max(1, int(self.entries.max()))
        declared = 2**self.bits - 1
        return declared if most <= declared < 4 * most else 2 ** most.bit_length() - 1


def read_table(dataset: Dataset, name: str) -> Table | None:
    """Return the first table of a sequence that has its elements, or None.

    Raises:
        ImageError: reason `corrupt`: the table has fewer entries than it declares.
    """
    items: Any = dataset.get(name)
    if not isinstance(items, Sequence):
        return None
    for item in cast("list[Dataset]", items):
        if item.get("LUTDescriptor") and item.get("LUTData"):
            return _read_item(item, dataset)
    return None


def _read_item(item: Dataset, dataset: Dataset) -> Table:
    untyped: Any = item
    little = is_little_endian(dataset)
    descriptor: Any = untyped.LUTDescriptor
    if isinstance(descriptor, bytes):
        # implicit value representations leave the sign of the first value open
        descriptor = unpack("<HhH" if little else ">HhH", descriptor[:6])
    num_entries, first, bits = (int(each) for each in descriptor)
    # only the first value may be negative, but one value representation writes all three
    num_entries = num_entries % _MOST_LEVELS or _MOST_LEVELS
    data: Any = untyped.LUTData
    if isinstance(data, bytes):
        # 8-bit entries may be packed, two per 16-bit word
        is_packed = len(data) in (num_entries, num_entries + num_entries % 2)
        data = np.frombuffer(data, np.uint8 if is_packed else "<u2" if little else ">u2")
    # output values are unsigned, even if they were written as SS
    entries = np.asarray(data, np.int64)[:num_entries] % _MOST_LEVELS
    if len(entries) < num_entries:
        raise ImageError("corrupt", f"a look-up table has {len(entries)} of {num_entries} entries")
    return Table(first, entries, bits)


@dataclass(frozen=True)
class Window:
    """The first window of a picture."""

    centre: float
    width: float
    function: str

    def apply(self, values: Values) -> npt.NDArray[np.float64]:
        """Return grey levels of 0 to 255, not rounded (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
        values = values.astype(np.float64)
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):
                return 255 / (1 + np.exp(-4 * (values - self.centre) / self.width))
        if self.function == "LINEAR" and self.width > 1:
            shown = (values - (self.centre - 0.5)) / (self.width - 1) + 0.5
        elif self.function == "LINEAR" and self.width == 1:
            shown = (values > self.centre - 0.5).astype(np.float64)
        else:
            # LINEAR is defined for widths of at least 1; smaller ones belong to rescaled values
            shown = (values - self.centre) / self.width + 0.5
        return np.clip(shown, 0, 1) * 255


def read_window(dataset: Dataset) -> Window | None:
    """Return the first window; None if it is absent, or has a width of 0 as some files do.

    Raises:
        ValueError: the window is unusable: not a number, not finite, or a negative width.
    """
    texts = (read_texts(dataset, name) for name in ("WindowCenter", "WindowWidth"))
    pairs = [pair for pair in zip(*texts, strict=False) if all(pair)]
    if not pairs:
        return None
    centre, width = (to_number(text) for text in pairs[0])
    if width == 0:
        return None
    if not (math.isfinite(centre) and math.isfinite(width)) or width < 0:
        raise ValueError("the window is not finite")
    function = read_text(dataset, "VOILUTFunction").upper()
    return Window(centre, width, function if function in _FUNCTIONS else "LINEAR")
