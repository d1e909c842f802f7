"""Objective: what training lowers, and what it shows meanwhile, for any target."""

from typing import Any

import keras
import tensorflow as tf


class AbnormalAUROC(keras.metrics.AUC):
    """The view AUROC of abnormal for a model of many classes, whose abnormal ones have odd numbers.

    Labels are class numbers (batch, 1), outputs the classes' probabilities (batch, n).
    """

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch."""
        abnormal = tf.reduce_sum(y_pred[:, 1::2], axis=1, keepdims=True)
        # a sum of float32 may pass 1, which the metric refuses
        return super().update_state(y_true % 2, tf.minimum(abnormal, 1.0), sample_weight)


def objective(num_outputs: int) -> dict[str, Any]:
    """Return loss and metrics, `accuracy` of classes and `auroc` of abnormal, for `model.compile`.

    Metrics are made here, for what Keras makes of their names, in the first training step, has that
    step traced twice.

    Args:
        num_outputs: of the model: 1, or as many as there are classes.
    """
    if num_outputs == 1:
        return {
            "loss": "binary_crossentropy",
            "metrics": [
                keras.metrics.BinaryAccuracy(name="accuracy"),
                keras.metrics.AUC(name="auroc"),
            ],
        }
    return {
        "loss": "sparse_categorical_crossentropy",
        "metrics": [
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            AbnormalAUROC(name="auroc"),
        ],
    }
