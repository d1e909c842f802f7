"""Rasterization of polygons and lines, exact to an eighth of a pixel."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.phantom.anatomy.bone import Array
from ingest.phantom.drawing.film import Image

# OpenCV takes sub-pixel coordinates as fixed-point integers
_FIXED_POINT_BITS = 3


def fill(mask: NDArray[Any], polygon: Array, value: float) -> None:
    """Fill a closed polygon, (n, 2), in `mask`, in place."""
    points = _to_fixed_point(polygon)
    cv2.fillPoly(mask, [points], (value,), cv2.LINE_8, _FIXED_POINT_BITS)


def draw_polygon(shape: tuple[int, ...], polygon: Array) -> Image:
    """Return 1 inside a closed polygon, (n, 2), and 0 outside."""
    mask = np.zeros(shape, np.float32)
    fill(mask, polygon, 1.0)
    return mask


def draw_polyline(image: Image, points: Array, thick: int) -> None:
    """Draw a line through points, (n, 2), as ones into `image`, in place."""
    fixed = _to_fixed_point(points)
    cv2.polylines(image, [fixed], False, (1.0,), thick, cv2.LINE_8, _FIXED_POINT_BITS)


def _to_fixed_point(points: Array) -> NDArray[np.int32]:
    return np.rint(points * (1 << _FIXED_POINT_BITS)).astype(np.int32)
