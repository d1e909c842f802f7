"""Grey levels of the borders of radiographs, which are bright in inverted ones."""

import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels
from shared.images.preprocessing.crop import find_field

# width of the border relative to the shorter side of the field
_BORDER_SHARE = 0.05


def measure_borders(images: Pixels) -> npt.NDArray[np.float64]:
    """Return the mean grey level of the border of the field of each view, (rows,).

    Args:
        images: uint8 (rows, size, size, 1).
    """
    return np.array([_measure_border(image[..., 0]) for image in images], np.float64)


def _measure_border(image: Pixels) -> float:
    inside = image[find_field(image)]
    width_px = max(1, round(_BORDER_SHARE * min(inside.shape)))
    is_border = np.ones(inside.shape, bool)
    is_border[width_px:-width_px, width_px:-width_px] = False
    return float(inside[is_border].mean())
