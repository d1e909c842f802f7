"""Combine models into one that predicts their mean, optionally with test-time augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.keras_import import keras

_WIDTH_AXIS = 2


@dataclass(frozen=True)
class EnsembleParts:
    """The arguments of `build_ensemble`."""

    members: Sequence[keras.Model]
    backbone: keras.Model | None
    tta: str


def build_ensemble(
    members: Sequence[keras.Model], backbone: keras.Model | None = None, tta: str = "none"
) -> keras.Model:
    """Return a model from uint8 images (batch, size, size, 1) to the mean of its members.

    Args:
        members: from images, or from the features by `backbone`, to float32 (batch, outputs).
        tta: `flip` averages the predictions for each image and its mirror image.
    """
    first = backbone or members[0]
    if len(members) == 1 and tta == "none":
        return keras.Model(first.input, members[0](backbone.output)) if backbone else first
    images: Any = keras.Input(first.input_shape[1:], dtype="uint8", name="image")
    views = [images]
    if tta == "flip":
        views.append(keras.ops.flip(images, _WIDTH_AXIS))
    if backbone:
        # once per image, whatever the number of members
        views = [backbone(view) for view in views]
    # Keras requires unique names of the layers of a model
    named = [
        keras.Model(member.input, member.output, name=f"member_{index}")
        for index, member in enumerate(members, 1)
    ]
    predictions = [member(view) for view in views for member in named]
    return keras.Model(images, keras.layers.Average(dtype="float32")(predictions))


def add_features(model: keras.Model) -> keras.Model:
    """Return a model from `build_ensemble` with a second output: the features of each image.

    The features are those before the head, float32 (batch, n); in an ensemble of whole networks,
    those of the first one.
    """
    parts = split_ensemble(model)
    if parts.backbone is not None:
        backbone: Any = parts.backbone
        is_own = backbone.input is model.input
        features = backbone.output if is_own else backbone(model.input)
        return keras.Model(model.input, [model.output, features])
    first: Any = parts.members[0]
    own = split_ensemble(first).backbone
    features = first.get_layer("logits").input if own is None else own.output
    both: Any = keras.Model(first.input, [first.output, features], name=first.name)
    if first is model:
        return both
    images: Any = keras.Input(first.input_shape[1:], dtype="uint8", name="image")
    views = [images, keras.ops.flip(images, _WIDTH_AXIS)][: 2 if parts.tta == "flip" else 1]
    of_first = [both(view) for view in views]
    predictions = [outputs for outputs, _ in of_first]
    predictions += [member(view) for view in views for member in parts.members[1:]]
    mean = keras.layers.Average(dtype="float32")(predictions)
    return keras.Model(images, [mean, of_first[0][1]])


def split_ensemble(model: keras.Model) -> EnsembleParts:
    """Return the parts of a model from `build_ensemble`, also after saving and loading."""
    layers: list[Any] = model.layers
    nested = [layer for layer in layers if isinstance(layer, keras.Model)]
    if not nested:
        return EnsembleParts([model], None, "none")
    # heads take features (batch, n), the others images (batch, size, size, 1)
    heads: list[Any] = [part for part in nested if len(part.inputs[0].shape) == 2]
    if not isinstance(layers[-1], keras.layers.Average):
        # a single head without TTA follows the backbone's layers directly
        return EnsembleParts(heads, keras.Model(model.input, layers[-2].output), "none")
    members = heads or nested
    backbone = next(part for part in nested if part not in heads) if heads else None
    # each member predicts the image and its mirror image
    is_mirrored = len(layers[-1].input) == 2 * len(members)
    return EnsembleParts(members, backbone, "flip" if is_mirrored else "none")
