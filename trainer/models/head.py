"""Head: what turns a trunk's features into probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def classify(trunk: keras.Model, num_outputs: int = 1, dropout: float = 0.0) -> keras.Model:
    """Return a model that follows a trunk with one dense layer, called `logits`.

    Args:
        trunk: from images to features (batch, n).
        num_outputs: 1 for the probability of abnormal, by a sigmoid; more for those of as many
            classes, by a softmax.
        dropout: the share of features that are not seen in a step of training.

    Returns:
        From the trunk's input to probabilities, float32 (batch, num_outputs).
    """
    import keras

    features = trunk.output
    if dropout:
        features = keras.layers.Dropout(dropout)(features)
    logits = keras.layers.Dense(num_outputs, name="logits")(features)
    # float32 whatever the precision of the layers before: probabilities are compared and averaged
    activation = "sigmoid" if num_outputs == 1 else "softmax"
    layer = keras.layers.Activation(activation, dtype="float32", name="probability")
    return keras.Model(trunk.input, layer(logits))
