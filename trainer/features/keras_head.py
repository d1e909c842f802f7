"""Convert a trained head to a Keras model, for saving or for further training."""

from __future__ import annotations

from typing import Any

from trainer.features.heads import Head
from trainer.keras_import import keras
from trainer.models.classifier_head import to_probabilities


def build_head(head: Head, dropout: float = 0.0) -> keras.Model:
    """Return a Keras model with the same outputs as a head.

    It takes features (batch, n) and returns probabilities, float32 (batch, outputs). `dropout` is
    for further training, and applies to features minus their means: the means of logarithms are
    far from 0, so a dropped feature would shift the logit by many standard deviations.
    """
    untyped: Any = keras  # it has no type stubs
    layers = untyped.layers
    num_features, num_outputs = head.kernel.shape
    features = untyped.Input((num_features,), name="features")
    inputs, bias = features, head.bias
    if dropout and head.center is not None:
        # unlike Normalization, whose mean becomes an input of the graph, it can be converted
        inputs = layers.Rescaling(1.0, (-head.center).tolist())(inputs)
        bias = bias + head.center @ head.kernel
    if dropout:
        inputs = layers.Dropout(dropout)(inputs)
    logits = layers.Dense(num_outputs, name="logits")(inputs)
    model = untyped.Model(features, to_probabilities(logits, num_outputs))
    model.get_layer("logits").set_weights([head.kernel, bias])
    return model
