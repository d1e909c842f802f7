"""Head: what turns a backbone's features into probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from trainer.features.heads import Head


def add_classifier(
    backbone: keras.Model, num_outputs: int = 1, dropout: float = 0.0
) -> keras.Model:
    """Return a model that follows a backbone with one dense layer, called `logits`.

    Args:
        backbone: from images to features (batch, n).
        num_outputs: 1 for the probability of abnormal, by a sigmoid; more for those of as many
            classes, by a softmax.
        dropout: the share of features that are not seen in a step of training.

    Returns:
        From the backbone's input to probabilities, float32 (batch, num_outputs).
    """
    import keras

    features = backbone.output
    if dropout:
        features = keras.layers.Dropout(dropout)(features)
    logits = keras.layers.Dense(num_outputs, name="logits")(features)
    return keras.Model(backbone.input, _to_probabilities(logits, num_outputs))


def build_head(head: Head, dropout: float = 0.0) -> keras.Model:
    """Return a model that answers as a head does.

    Args:
        head: fitted to embeddings.
        dropout: as in `classify`, should it be trained further.

    Returns:
        From features (batch, n) to probabilities, float32 (batch, outputs).
    """
    import keras

    num_features, num_outputs = head.straight.shape
    features = keras.Input((num_features,), name="features")
    known = keras.layers.Dropout(dropout)(features) if dropout else features
    kernel, seen = head.straight, known
    if num_hidden := len(head.inward_bias):
        hidden = keras.layers.Dense(num_hidden, "relu", name="hidden")(known)
        seen = keras.layers.Concatenate(name="features_and_hidden")([known, hidden])
        kernel = np.concatenate([head.straight, head.outward])
    logits = keras.layers.Dense(num_outputs, name="logits")(seen)
    model = keras.Model(features, _to_probabilities(logits, num_outputs))
    model.get_layer("logits").set_weights([kernel, head.bias])
    if num_hidden:
        model.get_layer("hidden").set_weights([head.inward, head.inward_bias])
    return model


def _to_probabilities(logits: Any, num_outputs: int) -> Any:
    import keras

    # float32 whatever the precision of the layers before: probabilities are compared and averaged
    activation = "sigmoid" if num_outputs == 1 else "softmax"
    return keras.layers.Activation(activation, dtype="float32", name="probability")(logits)
