"""The classifier head: from backbone features to probabilities."""

from __future__ import annotations

from typing import Any

from trainer.keras_import import keras


def add_classifier(
    backbone: keras.Model, num_outputs: int = 1, dropout: float = 0.0
) -> keras.Model:
    """Add the head of `to_probabilities` to a backbone with features (batch, n)."""
    features = backbone.output
    if dropout:
        features = keras.layers.Dropout(dropout)(features)
    logits = keras.layers.Dense(num_outputs, name="logits")(features)
    return keras.Model(backbone.input, to_probabilities(logits, num_outputs))


def to_probabilities(logits: Any, num_outputs: int) -> Any:
    """Add float32 probabilities (batch, num_outputs): a sigmoid for one output, else a softmax."""
    # float32 also with mixed precision, because probabilities are compared and averaged
    activation = "sigmoid" if num_outputs == 1 else "softmax"
    return keras.layers.Activation(activation, dtype="float32", name="probability")(logits)
