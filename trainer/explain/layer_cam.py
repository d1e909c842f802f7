"""Layer-CAM heat maps of the class abnormal (Jiang et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.explain.branch import Branch, remove_activation
from trainer.models.ensemble import split_ensemble
from trainer.models.networks.backbone import split_backbones

# bounds the memory of activations and gradients, which are slow if they do not fit into the caches
_BATCH = 4
_WIDTH_AXIS = 2


class LayerCam:
    """Layer-CAM for a single model, a head on a backbone, or an ensemble, with or without TTA.

    The explained output is the log-odds of abnormal of the mean prediction. The maps of all members
    are added; maps of mirror images are mirrored back first.

    Args:
        model: from uint8 images (batch, size, size, 1) to probabilities (batch, outputs), as from
            `trainer.models.ensemble.build_ensemble`.
    """

    def __init__(self, model: keras.Model):
        parts = split_ensemble(model)
        self._mirrors = parts.tta == "flip"
        heads = [remove_activation(member) for member in parts.members]
        if parts.backbone:
            self._branches = [Branch(split_backbones(parts.backbone), heads)]
        else:
            self._branches = [Branch([member]) for member in heads]

    def explain(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return a heat map of each view, (batch, size, size, 1), as float32 (batch, size, size).

        The maximum is 1 in each view; all is 0 if no position raises the probability of abnormal.
        """
        maps = [
            self._explain(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(maps) if maps else np.zeros(images.shape[:3], np.float32)

    def _explain(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        inputs = [images, images[:, :, ::-1]] if self._mirrors else [images]
        pairs = [(branch, branch.to_maps(view)) for view in inputs for branch in self._branches]
        maps = [maps_of_branch for _, maps_of_branch in pairs]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(maps)
            logits = [branch.to_logits(maps_of_branch) for branch, maps_of_branch in pairs]
            log_odds = _to_log_odds(list(chain.from_iterable(logits)))
        gradients: Any = tape.gradient(log_odds, maps)
        sums = [
            [_weighted_sum(*each) for each in zip(*of_branch, strict=True)]
            for of_branch in zip(maps, gradients, strict=True)
        ]
        size_px = images.shape[1]
        large = np.sum([self._add(each, size_px) for each in zip(*sums, strict=True)], axis=0)
        peaks = large.max(axis=(1, 2), keepdims=True)
        return np.divide(large, peaks, out=np.zeros_like(large), where=peaks > 0)

    def _add(self, sums: Sequence[Any], size_px: int) -> Any:
        """Add the maps of one network; return their density, float32 (batch, size, size)."""
        num_plain = len(self._branches)
        heat = tf.add_n(sums[:num_plain])
        if self._mirrors:
            heat += tf.reverse(tf.add_n(sums[num_plain:]), [_WIDTH_AXIS])
        large = tf.image.resize(tf.nn.relu(heat), (size_px, size_px)).numpy()[..., 0]
        # by the number of cells: a cell's part of the log-odds becomes a density, which can be
        # added to that of a joined backbone with other cells
        return large * sums[0].shape[1] ** 2


def _to_log_odds(logits: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return the log-odds of abnormal, (batch,), of the mean prediction.

    With several outputs, those with odd indices are abnormal.
    """
    # from logits, because the gradient of a saturated probability vanishes
    stacked = tf.cast(tf.stack(logits), tf.float32)
    if stacked.shape[-1] == 1:
        stacked = tf.concat([tf.zeros_like(stacked), stacked], -1)
    shares = tf.nn.log_softmax(stacked)
    normal, abnormal = (tf.reduce_logsumexp(shares[..., first::2], (0, -1)) for first in (0, 1))
    return abnormal - normal


def _weighted_sum(maps: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Return the sum of maps weighted by positive gradients, (batch, height, width, 1)."""
    # Grad-CAM weighs the last feature maps by the gradient averaged over positions
    # (https://arxiv.org/abs/1610.02391, equations 1 and 2). Layer-CAM weighs each position of each
    # map by its own gradient (https://doi.org/10.1109/TIP.2021.3089943, equations 5 to 7), so it
    # can use earlier, finer maps.
    weights = tf.nn.relu(tf.cast(gradient, tf.float32))
    return tf.reduce_sum(tf.cast(maps, tf.float32) * weights, -1, keepdims=True)
