"""OpenCV's resizing of grey images, in operations that every converter supports."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# 2 ** 11: OpenCV interpolates 8-bit images with weights of 11 bits.
_COEFFICIENT = 2048
# Minimum overlap of a source pixel and an output pixel; OpenCV ignores smaller overlaps.
_MIN_OVERLAP = 1e-3


@dataclass(frozen=True)
class Axis:
    """Rows or columns of an image; numbers are int32 tensors, as the graph knows no input shape.

    Attributes:
        source: number of pixels before resizing.
        target: number of pixels after resizing, without padding.
        place: index of each output pixel in the resized image, (size,); out of range for padding,
            which makes the shape of the output fixed.
    """

    source: Any
    target: Any
    place: Any

    @property
    def inside(self) -> Any:
        """Bool (size,), False for padding."""
        return (self.place >= 0) & (self.place < self.target)


def make_axis(source: Any, target: Any, size_px: int) -> Axis:
    """Return the axis of a resized image centred in `size_px` pixels."""
    return Axis(source, target, tf.range(size_px) - (size_px - target) // 2)


def resize_area(images: Any, rows: Axis, columns: Axis) -> Any:
    """Shrink images by the mean over each output pixel's area, as cv2.INTER_AREA does.

    Args:
        images: uint8 (batch, height, width).
        rows: axis that does not grow.

    Returns:
        float32 (batch, size, size) of whole numbers.
    """
    is_whole = (rows.source % rows.target + columns.source % columns.target) == 0
    # for integer scale factors OpenCV sums pixels exactly before it divides
    steps = [tf.where(is_whole, axis.source // axis.target, 1) for axis in (rows, columns)]
    narrow = _sum_areas(tf.transpose(images, (0, 2, 1)), columns, steps[1])
    sums = _sum_areas(tf.transpose(narrow, (0, 2, 1)), rows, steps[0])
    mean = sums * (1 / tf.cast(steps[0] * steps[1], tf.float32))
    # OpenCV rounds halves to even, except in its special case for half size, which rounds up
    is_half = is_whole & (steps[0] == 2) & (steps[1] == 2)
    return tf.where(is_half, tf.floor(mean + 0.5), tf.round(mean))


def _sum_areas(lines: Any, axis: Axis, step: Any) -> Any:
    """Return the weighted sums of the source pixels in each output pixel's area.

    From (batch, source, n) to float32 (batch, size, n).
    """
    starts, ends = axis.place * axis.source, (axis.place + 1) * axis.source
    least = _MIN_OVERLAP * tf.cast(axis.target, tf.float32)

    def add(number: Any, sums: Any) -> tuple[Any, Any]:
        places = starts // axis.target + number
        overlap = tf.minimum((places + 1) * axis.target, ends) - tf.maximum(
            places * axis.target, starts
        )
        overlap = tf.cast(tf.where(axis.inside, overlap, 0), tf.float32)
        shares = tf.where(overlap > least, overlap / tf.cast(axis.source, tf.float32), 0.0)
        weights = shares * tf.cast(step, tf.float32)
        covered = tf.gather(lines, tf.clip_by_value(places, 0, axis.source - 1), axis=1)
        return number + 1, sums + tf.cast(covered, tf.float32) * weights[:, None]

    shape = tf.shape(lines)
    sums = tf.zeros((shape[0], axis.place.shape[0], shape[2]))
    # in OpenCV's order: a matrix product may add the terms in any order, and so round a mean near a
    # half to another level
    num_covered = axis.source // axis.target + 2
    _, sums = tf.while_loop(lambda number, _: number < num_covered, add, (0, sums))
    return sums


def resize_linear(images: Any, rows: Axis, columns: Axis, *, between_areas: Any) -> Any:
    """Interpolate between neighbours in fixed point, as cv2.INTER_LINEAR does.

    Args:
        images: uint8 (batch, height, width).
        between_areas: bool scalar; True for the variant of cv2.INTER_AREA for a growing side.

    Returns:
        float32 (batch, size, size) of whole numbers.
    """
    (above, below), down = _neighbours(rows, between_areas, is_clamped=False)
    (left, right), across = _neighbours(columns, between_areas, is_clamped=True)

    def narrow(places: Any) -> Any:
        lines = tf.gather(images, places, axis=1)
        first, second = (
            tf.cast(tf.gather(lines, side, axis=2), tf.int32) for side in (left, right)
        )
        # OpenCV shifts by 4, 16 and 2 bits, together the 22 bits of two weights
        return (first * across[0] + second * across[1]) // 16

    first, second = (
        narrow(places) * weights[:, None] // 65_536
        for places, weights in zip((above, below), down, strict=True)
    )
    is_inside = rows.inside[:, None] & columns.inside[None]
    return tf.cast(tf.where(is_inside, (first + second + 2) // 4, 0), tf.float32)


def _neighbours(axis: Axis, between_areas: Any, *, is_clamped: bool) -> tuple[Any, Any]:
    """Return the two source pixels of each output pixel, and their weights, int32 (size,) each."""
    doubled = 2 * axis.target
    position = tf.cast((2 * axis.place + 1) * axis.source - axis.target, tf.float32) / tf.cast(
        doubled, tf.float32
    )
    lower = tf.floor(position)
    share = position - lower
    corner = axis.place * axis.source // axis.target
    beyond = (axis.place + 1) * axis.source - (corner + 1) * axis.target
    beyond = tf.cast(tf.maximum(beyond, 0), tf.float32) / tf.cast(axis.source, tf.float32)
    lower = tf.where(between_areas, corner, tf.cast(lower, tf.int32))
    share = tf.where(between_areas, beyond, share)
    last = axis.source - 1
    if is_clamped:
        share = tf.where((lower < 0) | (lower >= last), 0.0, share)
    places = tuple(tf.clip_by_value(side, 0, last) for side in (lower, lower + 1))
    weights = tuple(tf.cast(tf.round(part * _COEFFICIENT), tf.int32) for part in (1 - share, share))
    return places, weights
