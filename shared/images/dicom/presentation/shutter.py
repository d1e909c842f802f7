"""Display shutter: the part of a picture that is visible (PS3.3, C.7.6.11)."""

import cv2
import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from shared.images.dicom.values import read_number, read_numbers, read_text

Mask = npt.NDArray[np.bool_]
# larger coordinates lie outside every picture, and overflow in OpenCV
_MOST_PX = 1_000_000


def read_shutter(dataset: Dataset, shape: tuple[int, int]) -> Mask | None:
    """Return the pixels that every shape of the shutter shows, or None without a shutter.

    Raises:
        ValueError: a shape lacks coordinates, or shows nothing.
    """
    shapes = {word.strip() for word in read_text(dataset, "ShutterShape").upper().split("\\")}
    masks = [make(dataset, shape) for name, make in _SHAPES.items() if name in shapes]
    if not masks:
        return None
    shown = np.logical_and.reduce(masks)
    if not shown.any():
        raise ValueError("the shutter shows nothing")
    return shown


def _rectangle(dataset: Dataset, shape: tuple[int, int]) -> Mask:
    names = ("UpperHorizontal", "LowerHorizontal", "LeftVertical", "RightVertical")
    edges = [read_number(dataset, f"Shutter{name}Edge") for name in names]
    top, bottom, left, right = (_bound(edge) for edge in edges)
    shown = np.zeros(shape, np.bool_)
    # rows and columns count from 1, and the edges are visible
    shown[max(0, top - 1) : max(0, bottom), max(0, left - 1) : max(0, right)] = True
    return shown


def _circle(dataset: Dataset, shape: tuple[int, int]) -> Mask:
    centre = read_numbers(dataset, "CenterOfCircularShutter")
    radius = read_number(dataset, "RadiusOfCircularShutter")
    if len(centre) < 2 or radius is None or radius < 0:
        raise ValueError("a circular shutter has no centre or no radius")
    row, column = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    return (row - centre[0]) ** 2 + (column - centre[1]) ** 2 <= radius**2


def _polygon(dataset: Dataset, shape: tuple[int, int]) -> Mask:
    numbers = [_bound(each) for each in read_numbers(dataset, "VerticesOfThePolygonalShutter")]
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError("a polygonal shutter has fewer than three vertices")
    # pairs of row and column; OpenCV takes x and y, from 0
    vertices = np.array(numbers, np.int32).reshape(-1, 2)[:, ::-1] - 1
    shown = np.zeros(shape, np.uint8)
    cv2.fillPoly(shown, [vertices], (1,))
    return shown.astype(np.bool_)


def _bound(edge: float | None) -> int:
    if edge is None:
        raise ValueError("a rectangular shutter has no edge")
    return max(-_MOST_PX, min(_MOST_PX, round(edge)))


_SHAPES = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}
