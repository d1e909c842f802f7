"""Hardware-like areas: thin, nearly white structures, such as plates, screws and wires."""

from collections.abc import Sequence

import cv2
import numpy as np

from shared.images.crop import Box
from shared.images.pixels import Pixels
from trainer.audit.markers import Blob

_BRUSH_SHARE = 0.09
_MIN_RISE, _MIN_LEVEL = 30, 240
"""Grey levels of metal: nearly white, and brighter than the bone around it."""
MIN_METAL_SHARE = 0.002
"""A view with a larger fraction of metal in its field counts as one with hardware."""


def measure_metal(image: Pixels, field: Box, markers: Sequence[Blob]) -> float:
    """Return the fraction of the field that looks like metal, without markers.

    Args:
        image: uint8 (size, size).
        field: rows and columns of the collimated field.
        markers: boxes to leave out.
    """
    brush = np.ones((max(3, round(_BRUSH_SHARE * len(image))),) * 2, np.uint8)
    rise = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, brush)
    metal = (rise >= _MIN_RISE) & (image >= _MIN_LEVEL)
    for blob in markers:
        metal[blob.y : blob.y + blob.height, blob.x : blob.x + blob.width] = False
    return float(metal[field].mean())
