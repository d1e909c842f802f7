"""Classifier heads in NumPy: logits, probabilities and cross-entropies from embeddings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]

# Lower bound of the standard deviation. It prevents large values from a feature that is almost
# constant in training but not later.
_MIN_STD = 1e-2


@dataclass(frozen=True)
class Examples:
    """Embeddings (rows, n), class numbers of a `Target` (rows,), and sample weights (rows,)."""

    embeddings: Matrix
    classes: Classes
    weights: Vector


@dataclass(frozen=True)
class Head:
    """A linear map from embeddings to logits: kernel (n, outputs) and bias (outputs,).

    `center` is the mean of the train embeddings, (n,); None if unknown.
    """

    kernel: Matrix
    bias: Vector
    center: Vector | None = None

    def logits(self, embeddings: Matrix) -> Matrix:
        """Return the logits, float32 (rows, outputs), of embeddings (rows, n)."""
        return embeddings @ self.kernel + self.bias


@dataclass(frozen=True)
class Standardized:
    """Embeddings of train rows as features, `(embeddings - mean) * scale`, (rows, n)."""

    mean: Vector
    scale: Vector
    features: Matrix

    def fold_into(self, head: Head) -> Head:
        """Convert a head on features to an equal head on embeddings."""
        kernel = self.scale[:, None] * head.kernel
        return Head(kernel, head.bias - self.mean @ kernel, self.mean)


def standardize(embeddings: Matrix) -> Standardized:
    """Standardize the embeddings of train rows, (rows, n)."""
    mean = embeddings.mean(axis=0)
    scale = 1 / np.maximum(embeddings.std(axis=0), np.float32(_MIN_STD))
    return Standardized(mean, scale, (embeddings - mean) * scale)


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
