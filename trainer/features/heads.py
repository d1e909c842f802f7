"""Classifier heads in NumPy: logits, probabilities and metrics from embeddings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data.target import abnormal_probability
from trainer.evaluation.metrics import measure_auroc

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Training examples of a head.

    Attributes:
        embeddings: float32 (rows, n).
        classes: class numbers from 0, int64 (rows,); abnormal classes have odd numbers.
        weights: sample weights, float32 (rows,).
    """

    embeddings: Matrix
    classes: Classes
    weights: Vector


@dataclass(frozen=True)
class Head:
    """A linear map from embeddings to logits, plus an optional layer of hidden units (ReLU).

    Attributes:
        kernel: weights from embeddings to logits, float32 (n, outputs).
        bias: bias of the logits, float32 (outputs,).
        hidden_kernel: weights from embeddings to hidden units, float32 (n, hidden).
        hidden_bias: bias of the hidden units, float32 (hidden,).
        output_kernel: weights from hidden units to logits, float32 (hidden, outputs).
    """

    kernel: Matrix
    bias: Vector
    hidden_kernel: Matrix
    hidden_bias: Vector
    output_kernel: Matrix

    def logits(self, embeddings: Matrix) -> Matrix:
        """Return the logits, float32 (rows, outputs), of embeddings (rows, n)."""
        return self.combine(embeddings, self.activate(embeddings))

    def activate(self, embeddings: Matrix) -> Matrix:
        """Return the activations of the hidden units, float32 (rows, hidden)."""
        return np.maximum(embeddings @ self.hidden_kernel + self.hidden_bias, 0)

    def combine(self, embeddings: Matrix, hidden: Matrix) -> Matrix:
        """Return the logits from embeddings and activations of hidden units."""
        return embeddings @ self.kernel + hidden @ self.output_kernel + self.bias


def to_probabilities(logits: Matrix) -> Matrix:
    """Return probabilities (rows, outputs): the sigmoid of one logit, or the softmax of several."""
    if logits.shape[1] == 1:
        # equals the sigmoid, but exp cannot overflow
        return 0.5 * (1 + np.tanh(0.5 * logits))
    # subtract the maximum, so that exp cannot overflow
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def cross_entropies(logits: Matrix, classes: Classes) -> npt.NDArray[np.float64]:
    """Return the cross-entropy of each row, (rows,)."""
    if logits.shape[1] == 1:
        # log(1 + exp(-z)), with z = logit for class 1 and -logit for class 0
        return np.logaddexp(0, logits[:, 0] * (1 - 2 * classes), dtype=np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    logit_of_class = np.take_along_axis(shifted, classes[:, None], axis=1)[:, 0]
    return np.log(np.exp(shifted).sum(axis=1, dtype=np.float64)) - logit_of_class


def measure_logits(logits: Matrix, examples: Examples) -> dict[str, float | None]:
    """Return `loss` (weighted mean), `accuracy` of classes and `auroc` of abnormal, or None."""
    classes, weights = examples.classes, examples.weights
    is_one = logits.shape[1] == 1
    predicted = (logits[:, 0] >= 0) if is_one else logits.argmax(axis=1)
    # rank by logits: the sigmoid preserves their order, but rounds large logits to ties
    score = logits[:, 0] if is_one else abnormal_probability(to_probabilities(logits))
    return {
        "loss": float(np.average(cross_entropies(logits, classes), weights=weights)),
        "accuracy": float((predicted == classes).mean()),
        "auroc": measure_auroc(classes % 2, score.astype(np.float64)),
    }
