"""Convert a trained head to a Keras model, for saving or for further training."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.models.classifier_head import to_probabilities

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

    from trainer.features.heads import Head


def build_head(head: Head, dropout: float = 0.0) -> keras.Model:
    """Return a Keras model with the same outputs as a head.

    It takes features (batch, n) and returns probabilities, float32 (batch, outputs). `dropout` is
    for further training.
    """
    models: Any = import_module("keras")  # it has no type stubs
    layers = models.layers

    num_features, num_outputs = head.straight.shape
    features = models.Input((num_features,), name="features")
    known = layers.Dropout(dropout)(features) if dropout else features
    kernel, seen = head.straight, known
    if num_hidden := len(head.inward_bias):
        hidden = layers.Dense(num_hidden, "relu", name="hidden")(known)
        # one dense layer on the concatenation equals the sum of both parts
        seen = layers.Concatenate(name="features_and_hidden")([known, hidden])
        kernel = np.concatenate([head.straight, head.outward])
    logits = layers.Dense(num_outputs, name="logits")(seen)
    model = models.Model(features, to_probabilities(logits, num_outputs))
    model.get_layer("logits").set_weights([kernel, head.bias])
    if num_hidden:
        model.get_layer("hidden").set_weights([head.inward, head.inward_bias])
    return model
