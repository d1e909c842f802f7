"""Display elements of the functional groups of a multi-frame object (PS3.3, C.7.6.16)."""

from collections.abc import Iterator
from typing import Any, cast

from pydicom import Dataset
from pydicom.sequence import Sequence

# the elements of the display shutter (PS3.3, C.7.6.11)
_SHUTTER = (
    "ShutterShape",
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
    "CenterOfCircularShutter",
    "RadiusOfCircularShutter",
    "VerticesOfThePolygonalShutter",
)
_DISPLAY = (
    ("PixelValueTransformationSequence", ("RescaleSlope", "RescaleIntercept")),
    ("FrameVOILUTSequence", ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")),
    ("FrameDisplayShutterSequence", _SHUTTER),
)
DISPLAYED = tuple(name for _, names in _DISPLAY for name in names)


def lift_groups(dataset: Dataset, frame: int) -> None:
    """Replace the display elements of a dataset by those in the functional groups of a frame."""
    # a group is either in the frame's item or shared by all frames
    groups = (
        *_item(dataset, "PerFrameFunctionalGroupsSequence", frame),
        *_item(dataset, "SharedFunctionalGroupsSequence", 0),
    )
    for sequence, names in _DISPLAY:
        items = (item for group in groups for item in _item(group, sequence, 0))
        found = next((item for item in items if any(_has(item, name) for name in names)), None)
        if found is None:
            continue
        for name in names:
            if name in dataset:
                del dataset[name]
            if name in found:
                element = found.get_item(name)
                dataset[element.tag] = element


def _has(item: Dataset, name: str) -> bool:
    element: Any = item.get_item(name)
    return element is not None and bool(element.value)


def _item(dataset: Dataset, name: str, index: int) -> Iterator[Dataset]:
    items: Any = dataset.get(name)
    if isinstance(items, Sequence):
        yield from cast("list[Dataset]", items)[index : index + 1]
