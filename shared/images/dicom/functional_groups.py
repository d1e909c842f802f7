"""Display elements of the functional groups of a multi-frame object with one frame."""

from collections.abc import Iterator
from typing import Any, cast

from pydicom import Dataset
from pydicom.sequence import Sequence

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_DISPLAY = (
    ("PixelValueTransformationSequence", ("RescaleSlope", "RescaleIntercept")),
    ("FrameVOILUTSequence", ("WindowCenter", "WindowWidth", "VOILUTFunction")),
)


def lift_groups(dataset: Dataset) -> None:
    """Copy rescaling and window from the functional groups, where they are not in the dataset.

    Multi-frame objects have them there (PS3.3, C.7.6.16.2.9 and C.7.6.16.2.10).
    """
    groups = [group for name in _GROUPS for group in _items(dataset, name)]
    for sequence, names in _DISPLAY:
        for item in (item for group in groups for item in _items(group, sequence)):
            for name in names:
                if name not in dataset and name in item:
                    untyped: Any = dataset
                    element = item.get_item(name)
                    untyped[element.tag] = element


def _items(dataset: Dataset, name: str) -> Iterator[Dataset]:
    items: Any = dataset.get(name)
    if isinstance(items, Sequence):
        yield from cast("list[Dataset]", items)[:1]
