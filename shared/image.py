"""Pixels: from decoded grey to the image that a lake stores and a model sees.

Ingest and prediction both come through here, so a model is fed what it was trained on.
"""

import cv2
import numpy as np
import numpy.typing as npt

from shared.image_spec import ImageSpec

Pixels = npt.NDArray[np.uint8]


def fit_to_spec(grey: Pixels, spec: ImageSpec) -> Pixels:
    """Resize grey pixels of any shape (height, width) to uint8 (size, size) as `spec` says.

    Area interpolation where the image shrinks, bilinear where it grows.
    """
    height_px, width_px = grey.shape
    longer_px = max(height_px, width_px)
    if spec.fit == "stretch":
        target = (spec.size, spec.size)
    else:
        # multiplied first: a quotient's rounding error could move a half
        sides = (round(side * spec.size / longer_px) for side in (width_px, height_px))
        target = (max(1, next(sides)), max(1, next(sides)))
    if target != (width_px, height_px):
        shrinks = target[0] * target[1] < width_px * height_px
        grey = np.asarray(
            cv2.resize(grey, target, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR),
            np.uint8,
        )
    return _pad(grey, spec.size)


def _pad(grey: Pixels, size_px: int) -> Pixels:
    height_px, width_px = grey.shape
    if (height_px, width_px) == (size_px, size_px):
        return grey
    top, left = (size_px - height_px) // 2, (size_px - width_px) // 2
    padded = np.zeros((size_px, size_px), np.uint8)
    padded[top : top + height_px, left : left + width_px] = grey
    return padded
