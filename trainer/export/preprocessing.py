"""The preprocessing of `shared.images.preprocessing.prepare.prepare` in TensorFlow operations."""

from typing import Any

import tensorflow as tf

from shared.errors import TrainingError
from shared.images.spec import ImageSpec
from trainer.export.resize import Axis, make_axis, resize_area, resize_linear


def check_exportable(spec: ImageSpec) -> None:
    """Check that a graph can reproduce the preprocessing.

    Raises:
        TrainingError: the lake's images are stretched to a square (OpenCV's area interpolation
            differs if one side grows and the other shrinks), cropped, without markers, equalized
            in tiles, or stored as JPEG.
    """
    refused = (
        ("fit", "stretch"),
        ("crop", "field"),
        ("mask", "markers"),
        ("contrast", "clahe"),
        ("encoding", "jpeg"),
    )
    for name, value in refused:
        if getattr(spec, name) == value:
            raise TrainingError(
                f"Expected a lake without {', '.join(map('='.join, refused))}, because an export "
                f"cannot reproduce them. Received: a run on a lake with {name}={value}"
            )


def prepare(images: Any, spec: ImageSpec) -> Any:
    """Preprocess images with the same results as `shared.images.preprocessing.prepare.prepare`.

    Args:
        images: uint8 (batch, height, width, 1); any height and width.

    Returns:
        uint8 (batch, size, size, 1).
    """
    shape = tf.shape(images)
    sources = (shape[1], shape[2])
    longer = tf.maximum(*sources)
    targets = [tf.maximum(1, _round_quotient(source * spec.size, longer)) for source in sources]
    rows, columns = (make_axis(*sides, spec.size) for sides in zip(sources, targets, strict=True))
    grey = _resize(images[..., 0], rows, columns)
    if spec.contrast == "percentile":
        grey = _stretch_percentiles(grey, rows.inside[:, None] & columns.inside[None])
    return tf.cast(grey, tf.uint8)[..., None]


def _round_quotient(dividend: Any, divisor: Any) -> Any:
    """Return the rounded quotient of positive integers, with halves to even, as in Python."""
    quotient = dividend // divisor
    doubled = 2 * (dividend - quotient * divisor)
    is_up = (doubled > divisor) | ((doubled == divisor) & (quotient % 2 == 1))
    return quotient + tf.cast(is_up, tf.int32)


def _resize(images: Any, rows: Axis, columns: Axis) -> Any:
    """Return float32 (batch, size, size) by area or linear interpolation.

    Both are computed and one is selected, so the graph has no branches.
    """
    shrinks = rows.target * columns.target < rows.source * columns.source
    grows = (rows.target > rows.source) | (columns.target > columns.source)
    return tf.where(
        shrinks & ~grows,
        resize_area(images, rows, columns),
        resize_linear(images, rows, columns, between_areas=shrinks),
    )


def _stretch_percentiles(grey: Any, inside: Any) -> Any:
    """Stretch the contrast of pixels inside as `stretch_percentiles` does during ingest.

    `grey` is float32 (batch, size, size) of whole numbers; `inside` is False for padding.
    """
    num_pixels = tf.reduce_sum(tf.cast(inside, tf.int32))
    low, high = (
        _find_percentile(grey, inside, (num_pixels * share + 99) // 100) for share in (1, 99)
    )
    stretched = tf.round((grey - low) * 255.0 / tf.maximum(high - low, 1.0))
    stretched = tf.clip_by_value(stretched, 0.0, 255.0)
    return tf.where(inside & (low < high), stretched, grey)


def _find_percentile(grey: Any, inside: Any, num: Any) -> Any:
    """Return the lowest level that `num` pixels do not exceed, (batch, 1, 1), by binary search."""
    level = tf.zeros_like(grey[:, :1, :1])
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        is_up_to = inside & (grey <= level + (bit - 1))
        num_up_to = tf.reduce_sum(tf.cast(is_up_to, tf.int32), axis=(1, 2), keepdims=True)
        level += tf.where(num_up_to < num, float(bit), 0.0)
    return level
