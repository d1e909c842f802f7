"""Division of a network into its first half, up to the explained feature maps, and its head."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.models.ensemble import split_ensemble

# Minimum side of the feature maps: 14 cells, or one cell per 8 px of the network's input if that is
# fewer. Coarser maps locate the marked fracture of phantoms less often. Of 100 abnormal test views
# of 320 px, the peak is within 10 px of the fracture in 85 with efficientnet_lite0's maps of 20
# cells, in 44 with its last maps of 10 cells; in 78, 43 and 4 with resnet_small's maps of 20, 10
# and 5 cells. Finer maps locate it as often, but highlight edges anywhere in real radiographs.
_MIN_CELLS, _PX_PER_CELL = 14, 8


class Branch:
    """Joined networks in two halves: from images to feature maps, and from these to logits."""

    def __init__(self, networks: Sequence[keras.Model], heads: Sequence[keras.Model] = ()):
        halves = [_split_network(network) for network in networks]
        self._from_maps = [from_maps for _, from_maps in halves]
        # a graph of one image at a time takes a third of the time of operations on a batch
        self._to_maps = tf.function(
            lambda image: [to_maps(image, training=False) for to_maps, _ in halves],
            input_signature=[tf.TensorSpec((1, *networks[0].input_shape[1:]), tf.uint8)],
            autograph=False,
        )
        self._heads: Sequence[Any] = heads

    def to_maps(self, images: npt.NDArray[np.uint8]) -> list[tf.Tensor]:
        """Return the feature maps of each network, (batch, height, width, n)."""
        rows = [self._to_maps(images[row : row + 1]) for row in range(len(images))]
        return [tf.concat(of_network, 0) for of_network in zip(*rows, strict=True)]

    def to_logits(self, maps: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the logits of the network, or of each head on the networks."""
        pairs = zip(self._from_maps, maps, strict=True)
        features = tf.concat([from_maps(each, training=False) for from_maps, each in pairs], -1)
        return [head(features, training=False) for head in self._heads] or [features]


def _split_network(network: keras.Model) -> tuple[Any, Any]:
    """Split a network after the last activation, sum or concatenation of sufficient resolution."""
    layers: list[Any] = network.layers
    resized: list[Any] = [layer for layer in layers if isinstance(layer, keras.layers.Resizing)]
    input_px = (resized or layers)[0].output.shape[1]
    min_cells = min(_MIN_CELLS, input_px // _PX_PER_CELL)
    for layer in reversed(layers):
        maps = layer.output
        if len(maps.shape) == 4 and maps.shape[1] >= min_cells and _ends_block(layer):
            # Keras raises ValueError if a shortcut bypasses this layer: the rest of the network
            # must depend on its output only
            with suppress(ValueError):
                return keras.Model(network.input, maps), keras.Model(maps, network.output)
    raise AssertionError(f"{network.name} has no feature maps")


def _ends_block(layer: Any) -> bool:
    layers = keras.layers
    is_linear = getattr(layer, "activation", keras.activations.linear) is keras.activations.linear
    return not is_linear or isinstance(layer, (layers.ReLU, layers.Add, layers.Concatenate))


def remove_activation(member: keras.Model) -> keras.Model:
    """Return the network up to its logits, also for a backbone and head trained together."""
    parts = split_ensemble(member)
    if parts.backbone is None:
        return keras.Model(member.input, member.get_layer("logits").output)
    head: Any = remove_activation(parts.members[0])
    return keras.Model(parts.backbone.input, head(parts.backbone.output))
