"""Crop: the collimated field of a radiograph is found and cut out of its black or white border."""

import cv2
import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels

Box = tuple[slice, slice]

_MAX_BORDER_LEVEL = 32
"""Of a dark border: what is brighter is part of the picture."""
_MIN_CONTRAST = 3
"""Grey levels by which the field is brighter than the border, at least."""
_MIN_FRAME_SHARE = 0.04
"""Of the image's outermost pixels that are border: less is no border."""
_MIN_PART_SHARE = 0.1
"""Of the area of the largest part: smaller parts are letters, others may be the second hand."""
_MIN_FIELD_SHARE = 0.1
"""Of the image's area: what is smaller is no field."""
_MARGIN_SHARE = 0.01
"""Of the image's longer side, kept around the field."""
_SMOOTHING_PX = 3


def crop_to_field(grey: Pixels) -> Pixels:
    """Cut a radiograph to its collimated field; return the whole image where none is certain.

    A dark border is cut off first, then a bright one, as inverted images have. A border is what has
    nearly one level, the frame's lowest; the field is what is brighter after a median filter and a
    morphological opening, which take noise, lines and thin letters away. Of its parts (8-connected)
    small ones are left out, as letters, and the bounding box of the others is what is cut.

    Args:
        grey: uint8 of shape (height, width).

    Returns:
        A part of `grey`, not copied.
    """
    grey = grey[_find_field(grey)]
    return grey[_find_field(np.bitwise_not(grey))]


def _find_field(grey: Pixels) -> Box:
    """Return where an image is brighter than its dark border: everywhere if it has none."""
    smooth = np.asarray(cv2.medianBlur(grey, _SMOOTHING_PX), np.uint8)
    threshold = _choose_threshold(_frame(grey), _frame(smooth))
    field = None if threshold is None else _bound_large_parts(smooth > threshold)
    return field or (slice(None), slice(None))


def _frame(grey: Pixels) -> npt.NDArray[np.int16]:
    edges = (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    return np.concatenate(edges).astype(np.int16)


def _choose_threshold(frame: npt.NDArray[np.int16], smooth: npt.NDArray[np.int16]) -> float | None:
    """Return the level up to which pixels are border, or None where the frame shows no border.

    Args:
        frame: the image's outermost pixels.
        smooth: the same after the median filter.
    """
    level = np.sort(smooth)[int(_MIN_FRAME_SHARE / 2 * len(smooth))]
    is_border = smooth <= level + _MIN_CONTRAST
    noise = np.abs(frame - smooth)[is_border].mean()
    threshold = float(level + _MIN_CONTRAST + 2 * noise)
    if level > _MAX_BORDER_LEVEL or (smooth <= threshold).mean() < _MIN_FRAME_SHARE:
        return None
    return threshold


def _bound_large_parts(mask: npt.NDArray[np.bool_]) -> Box | None:
    """Return the bounding box of the large parts of `mask`, or None where they are too small."""
    height_px, width_px = mask.shape
    longer_px = max(height_px, width_px)
    brush = np.ones((max(3, longer_px // 100),) * 2, np.uint8)
    # the outside counts as border, so that a line along the image's edge is taken away too
    opened = cv2.morphologyEx(
        mask.view(np.uint8),
        cv2.MORPH_OPEN,
        brush,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=(0,),
    )
    parts = cv2.connectedComponentsWithStats(opened, connectivity=8)[2][1:]
    if len(parts) == 0:
        return None
    areas = parts[:, cv2.CC_STAT_AREA]
    left, top, width, height, _ = parts[areas >= _MIN_PART_SHARE * areas.max()].T
    right, bottom = (left + width).max(), (top + height).max()
    left, top = left.min(), top.min()
    if (right - left) * (bottom - top) < _MIN_FIELD_SHARE * mask.size:
        return None
    margin_px = round(_MARGIN_SHARE * longer_px)
    return (
        slice(max(0, top - margin_px), bottom + margin_px),
        slice(max(0, left - margin_px), right + margin_px),
    )
