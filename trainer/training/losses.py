"""Loss functions and metrics of training."""

from typing import Any

import keras
import tensorflow as tf


class AbnormalAUROC(keras.metrics.AUC):
    """View AUROC of abnormal, for models with several classes."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch: class numbers (batch, 1), and class probabilities (batch, n)."""
        # abnormal classes have odd numbers
        abnormal = tf.reduce_sum(y_pred[:, 1::2], axis=1, keepdims=True)
        # a float32 sum can exceed 1, and AUC raises for predictions above 1
        return super().update_state(y_true % 2, tf.minimum(abnormal, 1.0), sample_weight)


class _SmoothCrossEntropy(keras.losses.Loss):
    # Keras smooths one-hot targets only, and the targets here are class numbers (batch, 1)
    def __init__(self, label_smoothing: float):
        super().__init__(name="loss")
        self._smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        one_hot = tf.one_hot(tf.cast(y_true[:, 0], tf.int32), y_pred.shape[-1])
        return keras.losses.categorical_crossentropy(
            one_hot, y_pred, label_smoothing=self._smoothing
        )


def loss_and_metrics(num_outputs: int, label_smoothing: float = 0.0) -> dict[str, Any]:
    """Return loss and metrics for `compile`: `accuracy` of classes and `auroc` of abnormal."""
    # Metrics are objects, because Keras would create named metrics in the first training step and
    # trace the step twice.
    if num_outputs == 1:
        loss: Any = keras.losses.BinaryCrossentropy(label_smoothing=label_smoothing)
        metrics = [keras.metrics.BinaryAccuracy(name="accuracy"), keras.metrics.AUC(name="auroc")]
        return {"loss": loss, "metrics": metrics}
    loss = _SmoothCrossEntropy(label_smoothing)
    if not label_smoothing:
        loss = "sparse_categorical_crossentropy"
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    return {"loss": loss, "metrics": [accuracy, AbnormalAUROC(name="auroc")]}
