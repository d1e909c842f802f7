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
    keras_module: Any = import_module("keras")  # it has no type stubs
    layers = keras_module.layers

    num_features, num_outputs = head.kernel.shape
    features = keras_module.Input((num_features,), name="features")
    dropped = layers.Dropout(dropout)(features) if dropout else features
    kernel, logit_inputs = head.kernel, dropped
    if num_hidden := len(head.hidden_bias):
        hidden = layers.Dense(num_hidden, "relu", name="hidden")(dropped)
        # one dense layer on the concatenation equals the sum of both parts
        logit_inputs = layers.Concatenate(name="features_and_hidden")([dropped, hidden])
        kernel = np.concatenate([head.kernel, head.output_kernel])
    logits = layers.Dense(num_outputs, name="logits")(logit_inputs)
    model = keras_module.Model(features, to_probabilities(logits, num_outputs))
    model.get_layer("logits").set_weights([kernel, head.bias])
    if num_hidden:
        model.get_layer("hidden").set_weights([head.hidden_kernel, head.hidden_bias])
    return model
