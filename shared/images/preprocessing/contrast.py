"""Contrast adjustment of a resized radiograph, before padding."""

import cv2
import numpy as np

from shared.images.pixels import Pixels
from shared.images.spec import Contrast

_CLAHE_CLIP_LIMIT, _CLAHE_TILES = 2.0, (8, 8)


def change_contrast(grey: Pixels, contrast: Contrast) -> Pixels:
    """Adjust the contrast of an image, uint8 of shape (height, width).

    `percentile` is `stretch_percentiles`. `clahe` is contrast limited adaptive histogram
    equalization (Zuiderveld, Graphics Gems IV, 1994, pp. 474-485) by OpenCV, with clip limit 2 and
    8 x 8 tiles. `none` returns `grey` itself.
    """
    if contrast == "percentile":
        return stretch_percentiles(grey)
    if contrast == "clahe":
        clahe = cv2.createCLAHE(_CLAHE_CLIP_LIMIT, _CLAHE_TILES)
        return np.asarray(clahe.apply(grey), np.uint8)
    return grey


def stretch_percentiles(grey: Pixels) -> Pixels:
    """Map the 1st percentile to 0 and the 99th to 255, with clipping.

    The p-th percentile is the lowest level that at least p % of the pixels do not exceed. Level v
    becomes (v - low) * 255 / (high - low), rounded half to even. If low = high, the image is
    returned unchanged.
    """
    num_up_to = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    low, high = np.searchsorted(100 * num_up_to, (grey.size, 99 * grey.size))
    if low == high:
        return grey
    stretched = np.rint((np.arange(256) - low) * 255 / (high - low))
    return np.asarray(cv2.LUT(grey, np.clip(stretched, 0, 255).astype(np.uint8)), np.uint8)
