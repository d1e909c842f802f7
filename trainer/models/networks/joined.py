"""Several backbones side by side: their features are concatenated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def join_backbones(backbones: Sequence[keras.Model]) -> keras.Model:
    """Return a model of the concatenated features of backbones; one backbone is returned as it is.

    All take uint8 images (batch, size, size, 1); each one is a layer of the result.
    """
    import keras

    if len(backbones) == 1:
        return backbones[0]
    images: Any = keras.Input(backbones[0].input_shape[1:], dtype="uint8", name="image")
    features = [backbone(images) for backbone in backbones]
    embeddings = keras.layers.Concatenate(name="embedding")(features)
    return keras.Model(images, embeddings, name="joined")


def split_backbones(backbone: keras.Model) -> list[keras.Model]:
    """Return the backbones in a model from `join_backbones`, also after saving and loading."""
    import keras

    layers: list[Any] = backbone.layers
    return [layer for layer in layers if isinstance(layer, keras.Model)] or [backbone]
