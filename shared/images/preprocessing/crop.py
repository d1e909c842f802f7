"""Detection of the collimated field, and removal of the black or white border around it."""

import cv2
import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels

Box = tuple[slice, slice]

# maximum grey level of a dark border; brighter pixels belong to the image
_MAX_BORDER_LEVEL = 32
# minimum difference in grey levels between the field and the border
_MIN_CONTRAST = 3
# minimum fraction of the outermost pixels that belong to a border
_MIN_FRAME_SHARE = 0.04
# minimum area relative to the largest component; smaller ones are letters, not a second hand
_MIN_PART_SHARE = 0.1
# minimum area of the field as a fraction of the image
_MIN_FIELD_SHARE = 0.1
# margin around the field, as a fraction of the longer side of the image
_MARGIN_SHARE = 0.01
_SMOOTHING_PX = 3


def crop_to_field(grey: Pixels) -> Pixels:
    """Crop a radiograph to its collimated field, or return it whole if no field is certain.

    A dark border is removed first, then a bright one, as inverted images have. A border has nearly
    one level, the lowest in the image's outermost pixels. Pixels that are brighter after a median
    filter and a morphological opening, which remove noise, lines and thin letters, form 8-connected
    components. Small components are ignored as letters; the field is the bounding box of the
    others.

    Args:
        grey: uint8 of shape (height, width).

    Returns:
        A view of `grey`.
    """
    return grey[find_field(grey)]


def find_field(grey: Pixels) -> Box:
    """Return the box of the collimated field, rows and columns; see `crop_to_field`."""
    rows, columns = _find_inside(grey)
    inner_rows, inner_columns = _find_inside(np.bitwise_not(grey[rows, columns]))
    return _within(rows, inner_rows, grey.shape[0]), _within(columns, inner_columns, grey.shape[1])


def _within(outer: slice, inner: slice, length: int) -> slice:
    """Return the slice of the whole that is a slice of a slice of it."""
    kept = range(length)[outer][inner]
    return slice(kept.start, kept.stop)


def _find_inside(grey: Pixels) -> Box:
    """Return the box inside the dark border, or the whole image if there is no border."""
    smooth = np.asarray(cv2.medianBlur(grey, _SMOOTHING_PX), np.uint8)
    threshold = _choose_threshold(_frame(grey), _frame(smooth))
    field = None if threshold is None else _bound_large_parts(smooth > threshold)
    return field or (slice(None), slice(None))


def _frame(grey: Pixels) -> npt.NDArray[np.int16]:
    edges = (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    return np.concatenate(edges).astype(np.int16)


def _choose_threshold(frame: npt.NDArray[np.int16], smooth: npt.NDArray[np.int16]) -> float | None:
    """Return the maximum level of border pixels, or None if there is no border.

    Args:
        smooth: the same pixels after the median filter.
    """
    level = np.sort(smooth)[int(_MIN_FRAME_SHARE / 2 * len(smooth))]
    is_border = smooth <= level + _MIN_CONTRAST
    noise = np.abs(frame - smooth)[is_border].mean()
    threshold = float(level + _MIN_CONTRAST + 2 * noise)
    if level > _MAX_BORDER_LEVEL or (smooth <= threshold).mean() < _MIN_FRAME_SHARE:
        return None
    return threshold


def _bound_large_parts(mask: npt.NDArray[np.bool_]) -> Box | None:
    """Return the bounding box of the large components of `mask`, or None if it is too small."""
    height_px, width_px = mask.shape
    longer_px = max(height_px, width_px)
    brush = np.ones((max(3, longer_px // 100),) * 2, np.uint8)
    # the outside counts as border, so that the opening also removes lines along the image's edge
    opened = cv2.morphologyEx(
        mask.view(np.uint8), cv2.MORPH_OPEN, brush, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)
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
