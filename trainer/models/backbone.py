"""Backbone: what networks of several families have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

MAX_SIZE_PX = 320
"""Larger images are made smaller first: at 512 a CPU would take two and a half times as long."""
_MOMENTUM = 0.9
"""With 0.99 or 0.999 the averages lag epochs behind, where an epoch has a few dozen steps."""


def enter(size_px: int, working_px: int, channels: int = 1) -> tuple[Any, Any]:
    """Return the input, uint8 (size, size, channels), and the same images at the working size."""
    from keras import layers

    images = layers.Input((size_px, size_px, channels), dtype="uint8", name="image")
    if size_px == working_px:
        return images, images
    resize = layers.Resizing(working_px, working_px, antialias=size_px > working_px, name="resize")
    return images, resize(images)


def set_normalization(backbone: keras.Model, *, is_pretrained: bool) -> None:
    """Have batch normalization keep the statistics that it has, or learn those of the lake.

    What is kept stays also where all is trained: a batch of radiographs has too few to learn the
    statistics of a million photographs anew, and the convolution before can learn any scale.
    """
    from keras import layers

    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable, layer.momentum = not is_pretrained, _MOMENTUM
