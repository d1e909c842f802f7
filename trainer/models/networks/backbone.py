"""Input layers and batch normalization, common to all backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

DEFAULT_INPUT_PX = 320
"""Larger images are reduced to this size: a CPU takes two and a half times as long at 512 px."""
RESIZE_LAYER = "resize"
"""Name of the layer that resizes images, in networks that need it."""
# with 0.99 or 0.999 the moving averages lag epochs behind: an epoch may have few dozen steps
_MOMENTUM = 0.9


def add_input(size_px: int, working_px: int, channels: int = 1) -> tuple[Any, Any]:
    """Return the input layer, uint8 (size, size, channels), and its images at the working size."""
    from keras import layers

    images = layers.Input((size_px, size_px, channels), dtype="uint8", name="image")
    if size_px == working_px:
        return images, images
    reduces = size_px > working_px
    resize = layers.Resizing(working_px, working_px, antialias=reduces, name=RESIZE_LAYER)
    return images, resize(images)


def configure_batch_norm(backbone: keras.Model, *, is_frozen: bool) -> None:
    """Freeze the batch normalization of a backbone, or let it learn from the lake.

    By default, a pretrained backbone keeps its statistics even if all its weights are trained: a
    batch of radiographs is too small to replace the statistics of a million photographs, and the
    preceding convolution can learn any scale.
    """
    from keras import layers

    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable, layer.momentum = not is_frozen, _MOMENTUM
