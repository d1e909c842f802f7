"""The classifier head: from the features of a backbone to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


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
    return keras.Model(backbone.input, to_probabilities(logits, num_outputs))


def to_probabilities(logits: Any, num_outputs: int) -> Any:
    """Return the layer `probability`: a sigmoid for one output, a softmax for several."""
    import keras

    # float32 whatever the precision of the layers before: probabilities are compared and averaged
    activation = "sigmoid" if num_outputs == 1 else "softmax"
    return keras.layers.Activation(activation, dtype="float32", name="probability")(logits)
