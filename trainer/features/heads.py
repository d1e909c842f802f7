"""Classifier heads in NumPy: logits, probabilities and cross-entropies from embeddings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """A linear map from embeddings to logits.

    Attributes:
        kernel: weights, float32 (n, outputs).
        bias: float32 (outputs,).
        center: mean of the train embeddings, float32 (n,); None if unknown.
    """

    kernel: Matrix
    bias: Vector
    center: Vector | None = None

    def logits(self, embeddings: Matrix) -> Matrix:
        """Return the logits, float32 (rows, outputs), of embeddings (rows, n)."""
        return embeddings @ self.kernel + self.bias


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
