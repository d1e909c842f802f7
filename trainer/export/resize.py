"""Resize: OpenCV's resizing of grey images, of ops that every converter takes.

Each side is one `Axis`; all of it is computed from shapes in the graph. Pixels outside the resized
image, where it is padded, come out black, so that all shapes but the input's are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

_COEFFICIENT = 2048
"""OpenCV interpolates 8-bit images with weights of 11 bits."""
_MIN_OVERLAP = 1e-3
"""Of a source pixel in an output pixel: OpenCV leaves out what is less."""


@dataclass(frozen=True)
class Axis:
    """Rows or columns; numbers are int32 tensors.

    Attributes:
        source: how many pixels there are.
        target: how many there will be.
        place: of each output pixel in the resized image, (size,); outside where it is padded.
    """

    source: Any
    target: Any
    place: Any

    @property
    def inside(self) -> Any:
        """Which output pixels are not padding, bool (size,)."""
        return (self.place >= 0) & (self.place < self.target)


def make_axis(source: Any, target: Any, size_px: int) -> Axis:
    """Return the axis of a resized image in the middle of `size_px` pixels."""
    return Axis(source, target, tf.range(size_px) - (size_px - target) // 2)


def resize_area(images: Any, rows: Axis, columns: Axis) -> Any:
    """Shrink by the mean over what each output pixel covers, as cv2.INTER_AREA.

    Args:
        images: uint8 (batch, height, width).
        rows: neither they nor the columns grow.
        columns: likewise.

    Returns:
        float32 (batch, size, size) of whole numbers.
    """
    is_whole = (rows.source % rows.target + columns.source % columns.target) == 0
    # of whole steps OpenCV adds up pixels first, and so exactly
    steps = [tf.where(is_whole, axis.source // axis.target, 1) for axis in (rows, columns)]
    narrow = _add_up(tf.transpose(images, (0, 2, 1)), columns, steps[1])
    sums = _add_up(tf.transpose(narrow, (0, 2, 1)), rows, steps[0])
    mean = sums * (1 / tf.cast(steps[0] * steps[1], tf.float32))
    # halves go to even, but up where it shrinks to a half: OpenCV has a way of its own there
    is_half = is_whole & (steps[0] == 2) & (steps[1] == 2)
    return tf.where(is_half, tf.floor(mean + 0.5), tf.round(mean))


def _add_up(lines: Any, axis: Axis, step: Any) -> Any:
    """Return the weighted sums of what each output pixel covers.

    Added up one after the other as OpenCV does, and not as a product of matrices, whose sums come
    in any order: a mean near a half would be rounded to another level.

    Args:
        lines: uint8 or float32 (batch, source, n).
        axis: of the lines.
        step: what weights are multiplied by.

    Returns:
        float32 (batch, size, n).
    """
    begins, ends = axis.place * axis.source, (axis.place + 1) * axis.source
    least = _MIN_OVERLAP * tf.cast(axis.target, tf.float32)

    def add(number: Any, sums: Any) -> tuple[Any, Any]:
        places = begins // axis.target + number
        overlap = tf.minimum((places + 1) * axis.target, ends) - tf.maximum(
            places * axis.target, begins
        )
        overlap = tf.cast(tf.where(axis.inside, overlap, 0), tf.float32)
        shares = tf.where(overlap > least, overlap / tf.cast(axis.source, tf.float32), 0.0)
        weights = shares * tf.cast(step, tf.float32)
        covered = tf.gather(lines, tf.clip_by_value(places, 0, axis.source - 1), axis=1)
        return number + 1, sums + tf.cast(covered, tf.float32) * weights[:, None]

    shape = tf.shape(lines)
    sums = tf.zeros((shape[0], axis.place.shape[0], shape[2]))
    num_covered = axis.source // axis.target + 2
    _, sums = tf.while_loop(lambda number, _: number < num_covered, add, (0, sums))
    return sums


def resize_linear(images: Any, rows: Axis, columns: Axis, *, between_areas: Any) -> Any:
    """Interpolate between neighbours, as cv2.INTER_LINEAR does in fixed point.

    Args:
        images: uint8 (batch, height, width).
        rows: of the images.
        columns: likewise.
        between_areas: bool scalar, whether as cv2.INTER_AREA where one side grows.

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
        return (first * across[0] + second * across[1]) // 16

    first, second = (
        narrow(places) * weights[:, None] // 65_536
        for places, weights in zip((above, below), down, strict=True)
    )
    is_inside = rows.inside[:, None] & columns.inside[None]
    return tf.cast(tf.where(is_inside, (first + second + 2) // 4, 0), tf.float32)


def _neighbours(axis: Axis, between_areas: Any, *, is_clamped: bool) -> tuple[Any, Any]:
    """Return the two neighbours of each output pixel, and their weights, int32 (size,) each."""
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
