"""The classifier head: from backbone features to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def add_classifier(
    backbone: keras.Model, num_outputs: int = 1, dropout: float = 0.0
) -> keras.Model:
    """Add a dense layer named `logits` and an activation to a backbone.

    Args:
        backbone: from images to features (batch, n).
        num_outputs: 1 for the probability of abnormal, by a sigmoid; more for class probabilities,
            by a softmax.

    Returns:
        From the backbone's input to probabilities, float32 (batch, num_outputs).
    """
    import keras

    features = backbone.output
    if dropout:
        features = keras.layers.Dropout(dropout)(features)
    logits = keras.layers.Dense(num_outputs, name="logits")(features)
    return keras.Model(backbone.input, to_probabilities(logits, num_outputs))


def to_probabilities(logits: Any, num_outputs: int) -> Any:
    """Add the layer `probability`: a sigmoid for one output, a softmax for several."""
    import keras

    # float32 also with mixed precision, because probabilities are compared and averaged
    activation = "sigmoid" if num_outputs == 1 else "softmax"
    return keras.layers.Activation(activation, dtype="float32", name="probability")(logits)
