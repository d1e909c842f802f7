"""Input layers, batch normalization and concatenation of backbones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.images.spec import MAX_SIZE_PX
from trainer.keras_import import keras

# no reduction: lakes have no larger images
DEFAULT_INPUT_PX = MAX_SIZE_PX
RESIZE_LAYER = "resize"
# with 0.99 or 0.999 the moving averages lag epochs behind: an epoch may have few dozen steps
_MOMENTUM = 0.9


def add_input(size_px: int, working_px: int, channels: int = 1) -> tuple[Any, Any]:
    """Return the input layer, uint8 (size, size, channels), and its images at the working size."""
    images = keras.layers.Input((size_px, size_px, channels), dtype="uint8", name="image")
    if size_px == working_px:
        return images, images
    reduces = size_px > working_px
    resize = keras.layers.Resizing(working_px, working_px, antialias=reduces, name=RESIZE_LAYER)
    return images, resize(images)


def configure_batch_norm(backbone: keras.Model, *, is_frozen: bool) -> None:
    """Freeze the batch normalization of a backbone, or let it learn from the lake."""
    # By default, a pretrained backbone keeps its statistics even if all its weights are trained: a
    # batch of radiographs is too small to replace the statistics of a million photographs, and the
    # preceding convolution can learn any scale.
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable, layer.momentum = not is_frozen, _MOMENTUM


def join_backbones(backbones: Sequence[keras.Model]) -> keras.Model:
    """Return a model of the concatenated features of backbones; one backbone is returned as it is.

    All take uint8 images (batch, size, size, 1); each one is a layer of the result.
    """
    if len(backbones) == 1:
        return backbones[0]
    images: Any = keras.Input(backbones[0].input_shape[1:], dtype="uint8", name="image")
    features = [backbone(images) for backbone in backbones]
    embeddings = keras.layers.Concatenate(name="embedding")(features)
    return keras.Model(images, embeddings, name="joined")


def split_backbones(backbone: keras.Model) -> list[keras.Model]:
    """Return the backbones in a model from `join_backbones`, also after saving and loading."""
    layers: list[Any] = backbone.layers
    return [layer for layer in layers if isinstance(layer, keras.Model)] or [backbone]
