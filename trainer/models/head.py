"""Head: what turns features into the probability of abnormal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def classify(inputs: Any, features: Any) -> keras.Model:
    """Return a model from `inputs` to probabilities (batch, 1), by one dense layer."""
    import keras

    logits = keras.layers.Dense(1, name="logits")(features)
    # float32 whatever the precision of the layers before: probabilities are compared and averaged
    probability = keras.layers.Activation("sigmoid", dtype="float32", name="probability")(logits)
    return keras.Model(inputs, probability)
