"""Heads: what turns embeddings into probabilities, in NumPy, and how good they are at it."""

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
    """What a head learns from.

    Attributes:
        embeddings: float32 (rows, n).
        classes: numbers from 0, int64 (rows,); those of abnormal views are odd.
        weights: what each row counts for, float32 (rows,).
    """

    embeddings: Matrix
    classes: Classes
    weights: Vector


@dataclass(frozen=True)
class Head:
    """From embeddings to logits: straight, and on the way through hidden units (ReLU) if any.

    Attributes:
        straight: float32 (n, outputs).
        bias: float32 (outputs,).
        inward: from embeddings to hidden units, float32 (n, hidden).
        inward_bias: float32 (hidden,).
        outward: from hidden units to logits, float32 (hidden, outputs).
    """

    straight: Matrix
    bias: Vector
    inward: Matrix
    inward_bias: Vector
    outward: Matrix

    def logits(self, embeddings: Matrix) -> Matrix:
        """Return the logits, float32 (rows, outputs), of embeddings (rows, n)."""
        return self.combine(embeddings, self.activate(embeddings))

    def activate(self, embeddings: Matrix) -> Matrix:
        """Return what hidden units make of embeddings, float32 (rows, hidden)."""
        return np.maximum(embeddings @ self.inward + self.inward_bias, 0)

    def combine(self, embeddings: Matrix, hidden: Matrix) -> Matrix:
        """Return the logits of embeddings and of what hidden units make of them."""
        return embeddings @ self.straight + hidden @ self.outward + self.bias


def to_probabilities(logits: Matrix) -> Matrix:
    """Return the probability of abnormal, of one logit by a sigmoid; else of classes, by softmax.

    Args:
        logits: float32 (rows, outputs).

    Returns:
        float32 (rows, outputs).
    """
    if logits.shape[1] == 1:
        return 0.5 * (1 + np.tanh(0.5 * logits))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def cross_entropies(logits: Matrix, classes: Classes) -> npt.NDArray[np.float64]:
    """Return the cross-entropy of each row, (rows,)."""
    if logits.shape[1] == 1:
        return np.logaddexp(0, logits[:, 0] * (1 - 2 * classes), dtype=np.float64)
    below_top = logits - logits.max(axis=1, keepdims=True)
    own = np.take_along_axis(below_top, classes[:, None], axis=1)[:, 0]
    return np.log(np.exp(below_top).sum(axis=1, dtype=np.float64)) - own


def measure_logits(logits: Matrix, examples: Examples) -> dict[str, float | None]:
    """Return `loss` (weighted mean), `accuracy` of classes and `auroc` of abnormal, if defined."""
    classes, weights = examples.classes, examples.weights
    is_one = logits.shape[1] == 1
    answers = (logits[:, 0] >= 0) if is_one else logits.argmax(axis=1)
    # a sigmoid changes no order, but makes ties of large logits
    score = logits[:, 0] if is_one else abnormal_probability(to_probabilities(logits))
    return {
        "loss": float(np.average(cross_entropies(logits, classes), weights=weights)),
        "accuracy": float((answers == classes).mean()),
        "auroc": measure_auroc(classes % 2, score.astype(np.float64)),
    }
