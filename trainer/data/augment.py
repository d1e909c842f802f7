"""Data augmentation of training batches inside the TensorFlow graph."""

import math
from typing import Any

import tensorflow as tf

from trainer.data.augment_ranges import CHANGES, Changes
from trainer.data.pipeline import PARALLEL_BATCHES
from trainer.options import Augment

_RECTANGLE_SIDES = (0.04, 0.12)
# standard deviation of a uniformly random byte
_BYTE_STD = math.sqrt((256**2 - 1) / 12)


def augment_batches(
    batches: tf.data.Dataset, level: Augment, seed: int, first_batch: int = 0
) -> tf.data.Dataset:
    """Return batches with the images, their first part, augmented as by `augment`.

    `first_batch` is the number of the first batch, counted from the start of training.
    """
    if level == "none":
        return batches

    def change(number: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        images, *rest = batch
        return (augment(images, level, seed, number), *rest)

    numbered = batches.enumerate(first_batch)
    changed: Any = numbered.map(change, PARALLEL_BATCHES, deterministic=True)
    return changed.prefetch(PARALLEL_BATCHES)


def augment(images: tf.Tensor, level: Augment, seed: int, number: int | tf.Tensor) -> tf.Tensor:
    """Return a batch of images, uint8 (batch, size, size, 1), with each one changed independently.

    `number` is the number of the batch, counted from the start of training; `level` is not `none`.
    """
    changes = CHANGES[level]
    # random numbers of nothing else, so a resumed fit sees the same images as an uninterrupted one
    seeds = _split([tf.constant(seed, tf.int64), tf.cast(number, tf.int64)], 3)
    moved = _move(images, seeds[0], changes)
    if level == "light":
        return moved
    return _change_grey(_fill_rectangles(moved, seeds[1], changes), seeds[2], changes)


def _move(images: tf.Tensor, seed: tf.Tensor, changes: Changes) -> tf.Tensor:
    """Apply `rotate` to `shift` in one bilinear interpolation; new borders are black."""
    size = _size(images)
    draws = tf.unstack(_draw(seed, (tf.shape(images)[0], 7)), axis=1)
    angle = draws[0] * math.radians(changes.rotate)
    mirror, flip = (
        tf.where(draw < 2 * share - 1, -1.0, 1.0)
        for draw, share in ((draws[1], changes.mirror), (draws[5], changes.flip))
    )
    scale = tf.exp(draws[2] * math.log(changes.zoom))
    shear = draws[6] * changes.shear
    cos, sin = tf.cos(angle) * scale, tf.sin(angle) * scale
    centre = (size - 1) / 2
    x, y = (draw * changes.shift * size - centre for draw in draws[3:5])
    # the op maps output to input coordinates; rotation, zoom and shear are about the centre
    across, along = (cos + shear * sin, -sin + shear * cos), (sin, cos)
    from_x = (mirror * across[0], mirror * across[1])
    from_y = (flip * along[0], flip * along[1])
    rows = [(a, b, a * x + b * y + centre) for a, b in (from_x, from_y)]
    zeros = tf.zeros_like(angle)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*rows[0], *rows[1], zeros, zeros], axis=1),
        output_shape=[size, size],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _fill_rectangles(images: tf.Tensor, seed: tf.Tensor, changes: Changes) -> tf.Tensor:
    size, num_views = _size(images), tf.shape(images)[0]
    centre_seed, size_seed, grey_seed = _split(seed, 3)
    shape = (num_views, 2, changes.rectangles, 1)
    centre = _draw(centre_seed, shape, 0.0, size)
    half = _draw(size_seed, shape, *_RECTANGLE_SIDES) * (size / 2)
    is_inside = tf.abs(tf.range(size, dtype=tf.float32) - centre) < half
    along_y, along_x = tf.unstack(tf.cast(is_inside, tf.float32), axis=1)
    is_filled = tf.matmul(along_y, along_x, transpose_a=True) > 0
    grey = tf.cast(_draw(grey_seed, (num_views, 1, 1, 1), 0.0, 256.0), tf.uint8)
    return tf.where(is_filled[..., None], grey, images)


def _change_grey(images: tf.Tensor, seed: tf.Tensor, changes: Changes) -> tf.Tensor:
    """Apply `gamma` to `invert`."""
    size, num_views = _size(images), tf.shape(images)[0]
    scale_seed, noise_seed = _split(seed, 2)
    draws = tf.unstack(_draw(scale_seed, (num_views, 5, 1, 1, 1)), axis=1)
    contrast, brightness = 1 + draws[0] * changes.contrast, draws[1] * changes.brightness
    noise = tf.abs(draws[2]) * changes.noise / _BYTE_STD
    gamma = tf.exp(draws[3] * math.log(changes.gamma))
    is_inverted = draws[4] < 2 * changes.invert - 1
    # one 32-bit number gives noise for four pixels; a normal one per pixel takes ten times as long
    random_words = _draw(noise_seed, (num_views, (size * size + 3) // 4), None, None, tf.uint32)
    noise_bytes = tf.reshape(tf.bitcast(random_words, tf.uint8), (num_views, -1))[:, : size * size]
    pixels = 255.0 * tf.pow(tf.cast(images, tf.float32) / 255.0, gamma)
    pixels = (pixels - 127.5) * contrast + (brightness + 127.5)
    pixels += (tf.cast(tf.reshape(noise_bytes, tf.shape(images)), tf.float32) - 127.5) * noise
    pixels = tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)
    return tf.where(is_inverted, 255 - pixels, pixels)


def _size(images: tf.Tensor) -> int:
    return int(images.shape[1] or 0)  # never None: all images of a lake have the same size


def _draw(seed: Any, shape: Any, low: Any = -1.0, high: Any = 1.0, dtype: Any = tf.float32) -> Any:
    """Draw uniform numbers. The Philox algorithm gives the same numbers on every device."""
    return tf.random.stateless_uniform(shape, seed, low, high, dtype, alg="philox")


def _split(seed: Any, num: int) -> list[Any]:
    split: Any = tf.random.split(seed, num, alg="philox")
    return tf.unstack(split, num)
