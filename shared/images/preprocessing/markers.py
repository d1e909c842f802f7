"""Burnt-in markers: bright blobs near the border of a radiograph, such as the letters L and R."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from shared.images.pixels import Pixels
from shared.images.preprocessing.crop import Box, find_field

# "image side" means the longer side
# width of the outer ring, as a fraction of each side of the field
_RING_SHARE = 0.25
# strokes of a letter and metal are narrower than this fraction of the image side; bones are wider
_BRUSH_SHARE = 0.09
# grey levels by which a stroke exceeds its surroundings
_MIN_RISE = 60
# minimum grey level of a stroke
_MIN_LEVEL = 150
# strokes that are closer than this fraction of the image side belong to one marker
_JOIN_SHARE = 0.02
# bounds of the longer side of a marker, as a fraction of the image side
_MIN_SHARE, _MAX_SHARE = 0.02, 0.3
# width of the frame around a marker, as a fraction of the image side
_FRAME_SHARE = 0.03
# a frame is dark if at most this fraction of it is brighter than this level, unlike that of a bone
_MAX_FRAME_LEVEL, _MAX_BRIGHT_SHARE = 100, 0.1
# a blob closer than this fraction of the image side to the border of the field may be the end of a
# bone; it is, if the median of its frame exceeds this fraction of the mean level of the field
_EDGE_SHARE, _MAX_FRAME_SHARE = 0.01, 0.85
_INPAINT_PX = 3
# margin of the paint around a marker, as a fraction of the image side: letters are blurred
_PAINT_SHARE = 0.01


class Blob(NamedTuple):
    """The bounding box of a marker, in pixels."""

    x: int
    y: int
    width: int
    height: int

    def box(self, margin_px: int = 0) -> Box:
        """Return the rows and columns of the box, enlarged by a margin inside the image."""
        top, left = max(0, self.y - margin_px), max(0, self.x - margin_px)
        bottom, right = self.y + self.height + margin_px, self.x + self.width + margin_px
        return slice(top, bottom), slice(left, right)


def remove_markers(image: Pixels) -> Pixels:
    """Paint over the markers of an image, but not over bones that end at the border of its field.

    Returns a new array, or `image` itself, uint8 (height, width), if it has no markers.
    """
    field = find_field(image)
    markers = [blob for blob in find_markers(image, field) if not _is_bone_end(blob, image, field)]
    margin_px = max(1, round(_PAINT_SHARE * max(image.shape)))
    return paint_over(image, markers, margin_px) if markers else image


def measure_rise(image: Pixels) -> Pixels:
    """Return the white top-hat of an image: the image minus its morphological opening.

    It keeps thin bright strokes and removes bones and soft tissue.
    """
    brush = np.ones((max(3, round(_BRUSH_SHARE * max(image.shape))),) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(image, cv2.MORPH_TOPHAT, brush), np.uint8)


def find_markers(image: Pixels, field: Box) -> list[Blob]:
    """Return the bright blobs in the outer ring of the field and outside of it.

    Blobs that reach into the middle of the field are bone edges or implants, and are left out.

    Args:
        image: uint8 (height, width).
        field: rows and columns of the collimated field.
    """
    side_px = max(image.shape)
    strokes = ((measure_rise(image) >= _MIN_RISE) & (image >= _MIN_LEVEL)).astype(np.uint8)
    join = np.ones((max(1, round(_JOIN_SHARE * side_px)) * 2 + 1,) * 2, np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, join)
    parts = cv2.connectedComponentsWithStats(joined, connectivity=8)[2][1:, : cv2.CC_STAT_AREA]
    blobs = [Blob(*map(int, part)) for part in parts]
    return [
        blob
        for blob in blobs
        if _has_marker_size(blob, side_px) and _is_outside(blob, field) and _is_on_dark(blob, image)
    ]


def _has_marker_size(blob: Blob, side_px: int) -> bool:
    longer, shorter = max(blob.width, blob.height), min(blob.width, blob.height)
    # a long thin blob is the edge of a bone or of a film
    return _MIN_SHARE * side_px <= longer <= min(_MAX_SHARE * side_px, 6 * shorter)


def _is_outside(blob: Blob, field: Box) -> bool:
    rows, columns = (_shrink(edge) for edge in field)
    return (
        blob.y + blob.height <= rows.start
        or blob.y >= rows.stop
        or blob.x + blob.width <= columns.start
        or blob.x >= columns.stop
    )


def _is_bone_end(blob: Blob, image: Pixels, field: Box) -> bool:
    edge_px = max(1, round(_EDGE_SHARE * max(image.shape)))
    starts = zip(field, (blob.y, blob.x), (blob.height, blob.width), strict=True)
    if all(e.start + edge_px < start < e.stop - edge_px - size for e, start, size in starts):
        return False
    near, inside = np.zeros((2, *image.shape), np.bool_)
    near[blob.box(_frame_px(image))] = inside[blob.box()] = True
    if not inside[field].any():
        return False
    frame = image[field][(near & ~inside)[field]]
    return bool(np.median(frame) > _MAX_FRAME_SHARE * image[field].mean())


def _frame_px(image: Pixels) -> int:
    return max(2, round(_FRAME_SHARE * max(image.shape)))


def _is_on_dark(blob: Blob, image: Pixels) -> bool:
    around, inside = image[blob.box(_frame_px(image))], image[blob.box()]
    num_bright = (around > _MAX_FRAME_LEVEL).sum() - (inside > _MAX_FRAME_LEVEL).sum()
    return bool(num_bright <= _MAX_BRIGHT_SHARE * (around.size - inside.size))


def _shrink(edge: slice) -> slice:
    margin = round(_RING_SHARE * (edge.stop - edge.start))
    return slice(edge.start + margin, edge.stop - margin)


def paint_over(image: Pixels, blobs: Sequence[Blob], margin_px: int = 1) -> Pixels:
    """Return the image with each box filled from its surroundings (Telea 2004, J. Graph. Tools 9).

    Args:
        image: uint8 (height, width).
        blobs: boxes to fill, enlarged by the margin.
    """
    mask = np.zeros(image.shape, np.uint8)
    for blob in blobs:
        mask[blob.box(margin_px)] = 255
    return np.asarray(cv2.inpaint(image, mask, _INPAINT_PX, cv2.INPAINT_TELEA), np.uint8)
