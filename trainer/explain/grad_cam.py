"""Grad-CAM: where in a view a kept model sees that it is abnormal (Selvaraju et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.models.combine import take_apart

_BATCH = 16
_WIDTH_AXIS = 2
_KEEPS_PLACES = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.layers.Dropout)
"""Layers after the last feature maps that make them coarser, or change nothing in an answer."""


def grad_cam(model: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return heat maps of views, see `GradCam.explain`.

    Args:
        model: as a run keeps it.
        images: (batch, size, size, 1).
    """
    return GradCam(model).explain(images)


class GradCam:
    """Explains the answers of a kept model, whatever it is made of.

    What speaks for abnormal is the log-odds of the model's answer. Its gradient by the last feature
    maps, averaged over places, weighs them; their weighted sum, where positive, is the heat map
    (https://arxiv.org/abs/1610.02391, equations 1 and 2). Log-odds are computed of logits, not of
    probabilities, so that certain answers have a gradient too.

    Where members answer together, also to the mirror image, the log-odds are those of their mean
    answer, and the weighted sums of all are added, those of mirror images mirrored back.

    Args:
        model: from uint8 images (batch, size, size, 1) to probabilities (batch, outputs), as
            `trainer.models.combine.combine` makes it.
    """

    def __init__(self, model: keras.Model):
        together = take_apart(model)
        self._asks_mirrored = together.flips == "test"
        heads = [_before_probabilities(member) for member in together.members]
        if together.trunk:
            self._branches = [_Branch(together.trunk, heads)]
        else:
            self._branches = [_Branch(member) for member in heads]

    def explain(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return where each view looks abnormal.

        Args:
            images: (batch, size, size, 1).

        Returns:
            float32 (batch, size, size), from 0 to 1 at the most abnormal place of each view; 0
            everywhere where nothing speaks for abnormal.
        """
        maps = [
            self._explain(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(maps) if maps else np.zeros(images.shape[:3], np.float32)

    def _explain(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        seen = [images, images[:, :, ::-1]] if self._asks_mirrored else [images]
        pairs = [(branch, branch.to_maps(view)) for view in seen for branch in self._branches]
        maps = [found for _, found in pairs]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(maps)
            logits = [answer for branch, found in pairs for answer in branch.to_logits(found)]
            log_odds = _to_log_odds(logits)
        gradients: Any = tape.gradient(log_odds, maps)
        sums = [_weigh(*each) for each in zip(maps, gradients, strict=True)]
        num_plain = len(self._branches)
        heat = tf.add_n(sums[:num_plain])
        if self._asks_mirrored:
            heat += tf.reverse(tf.add_n(sums[num_plain:]), [_WIDTH_AXIS])
        large = tf.image.resize(tf.nn.relu(heat), images.shape[1:3]).numpy()[..., 0]
        peaks = large.max(axis=(1, 2), keepdims=True)
        return np.divide(large, peaks, out=np.zeros_like(large), where=peaks > 0)


class _Branch:
    """A network in two halves: from images to its last feature maps, and from these to logits."""

    def __init__(self, network: keras.Model, heads: Sequence[keras.Model] = ()):
        maps = _find_maps(network)
        self._to_maps: Any = keras.Model(network.input, maps)
        self._rest: Any = keras.Model(maps, network.output)
        self._heads: Sequence[Any] = heads

    def to_maps(self, images: npt.NDArray[np.uint8]) -> tf.Tensor:
        """Return the last feature maps, (batch, height, width, n)."""
        return self._to_maps(images, training=False)

    def to_logits(self, maps: tf.Tensor) -> list[tf.Tensor]:
        """Return the logits of the network, or of each head that follows it."""
        end = self._rest(maps, training=False)
        return [head(end, training=False) for head in self._heads] or [end]


def _find_maps(network: keras.Model) -> Any:
    """Return the output of the last layer that still knows places, and as many as there are."""
    layers: list[Any] = network.layers
    return next(
        layer.output
        for layer in reversed(layers)
        if not isinstance(layer, _KEEPS_PLACES) and len(layer.output.shape) == 4
    )


def _before_probabilities(member: keras.Model) -> keras.Model:
    return keras.Model(member.input, member.get_layer("logits").output)


def _to_log_odds(logits: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return the log-odds of abnormal, (batch,), of the mean of the answers that logits stand for.

    Args:
        logits: each (batch, outputs); of several outputs those with odd numbers are abnormal.
    """
    stacked = tf.cast(tf.stack(logits), tf.float32)
    if stacked.shape[-1] == 1:
        stacked = tf.concat([tf.zeros_like(stacked), stacked], -1)
    shares = tf.nn.log_softmax(stacked)
    return tf.reduce_logsumexp(shares[..., 1::2], (0, -1)) - tf.reduce_logsumexp(
        shares[..., ::2], (0, -1)
    )


def _weigh(maps: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Return the sum of feature maps, each times its mean gradient, (batch, height, width, 1)."""
    weights = tf.reduce_mean(tf.cast(gradient, tf.float32), (1, 2), keepdims=True)
    return tf.reduce_sum(tf.cast(maps, tf.float32) * weights, -1, keepdims=True)
