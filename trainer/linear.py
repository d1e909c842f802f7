"""Linear: a logistic regression on embeddings, in NumPy, as it is fitted in a second there."""

import time
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.metrics import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    roc_auc_score,  # pyright: ignore[reportUnknownVariableType]  # half typed
)

from trainer.embeddings import Matrix
from trainer.options import FitOptions

Vector = npt.NDArray[np.float32]
Examples = tuple[Matrix, Vector]
"""Embeddings (rows, n) and labels (rows,), 0 or 1."""

_PRIOR_VARIANCE = 3e-4
"""Of each weight of a standardized feature; its inverse is the strength of weight decay."""
_MIN_STD = 1e-2
"""A feature that hardly ever fires in training must not count for much when it does later."""


@dataclass(frozen=True)
class Linear:
    """From embeddings to the logit of abnormal.

    Attributes:
        weights: float32 (n,).
        bias: added to the weighted sum of an embedding.
    """

    weights: Vector
    bias: float

    def logits(self, embeddings: Matrix) -> Vector:
        """Return the logits, float32 (rows,), of embeddings (rows, n)."""
        return embeddings @ self.weights + np.float32(self.bias)


def sigmoid(logits: Vector) -> Vector:
    """Return the probabilities of logits."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def fit_linear(
    train: Examples, validation: Examples, options: FitOptions
) -> tuple[Linear, list[dict[str, Any]]]:
    """Fit to embeddings and labels with weight decay; stop early on the validation loss.

    An epoch is an iteration of L-BFGS (Liu and Nocedal 1989), which sees all train views at once:
    some fifteen find what thousands of steps of Adam would. Weight decay stands for dropout too,
    which on a linear model's features is a form of it (Wager et al.,
    https://arxiv.org/abs/1307.1493). Neither batches nor seed matter.

    Args:
        train: of the views to fit to.
        validation: of the views to stop by.
        options: epochs and patience.

    Returns:
        The weights of the best epoch, and one row an epoch as `trainer.epochs.HISTORY_SCHEMA` has
        them, but for `is_best`.
    """
    embeddings, labels = train
    mean = embeddings.mean(axis=0)
    scale = 1 / np.maximum(embeddings.std(axis=0), np.float32(_MIN_STD))
    features = (embeddings - mean) * scale
    log = _Log(train, validation, options.patience)

    def end_epoch(xk: npt.NDArray[np.float64]) -> None:
        weights = xk[:-1] * scale
        log.add(Linear(weights.astype(np.float32), float(xk[-1] - mean @ weights)))

    start = np.zeros(len(mean) + 1)
    minimize(
        lambda parameters: _loss(parameters, features, labels),
        start,
        jac=True,
        method="L-BFGS-B",
        callback=end_epoch,
        options={"maxiter": options.epochs},
    )
    if not log.rows:  # nothing to learn: the start is the optimum
        end_epoch(start)
    return log.best, log.rows


class _Log:
    """Keeps the epochs of a fit and the weights of the best; ends a fit that no longer improves."""

    def __init__(self, train: Examples, validation: Examples, patience: int):
        self._train, self._validation, self._patience = train, validation, patience
        self._best_index, self._started_s = 0, time.monotonic()
        self.best = Linear(np.zeros(0, np.float32), 0.0)
        self.rows: list[dict[str, Any]] = []

    def add(self, linear: Linear) -> None:
        """Measure the epoch that ends with these weights.

        Raises:
            StopIteration: the last `patience` epochs were no better than the best.
        """
        seconds = time.monotonic() - self._started_s
        rate = len(self._train[1]) / seconds
        before, after = _measure(linear, *self._train), _measure(linear, *self._validation)
        row = {"epoch": len(self.rows) + 1, **before, "seconds": seconds, "images_per_s": rate}
        self.rows.append(row | {f"val_{name}": value for name, value in after.items()})
        if len(self.rows) == 1 or after["loss"] < self.rows[self._best_index]["val_loss"]:
            self._best_index, self.best = len(self.rows) - 1, linear
        elif len(self.rows) - 1 - self._best_index >= self._patience:
            raise StopIteration
        self._started_s = time.monotonic()


def _loss(
    parameters: npt.NDArray[np.float64], features: Matrix, labels: Vector
) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the penalized loss and its gradient by the weights and, last, the bias."""
    weights, bias = parameters[:-1].astype(np.float32), parameters[-1]
    logits = features @ weights + np.float32(bias)
    error = sigmoid(logits) - labels
    penalty = weights / _PRIOR_VARIANCE
    loss = _cross_entropies(logits, labels).sum() + 0.5 * weights @ penalty
    return float(loss), np.append(error @ features + penalty, error.sum()).astype(np.float64)


def _cross_entropies(logits: Vector, labels: Vector) -> npt.NDArray[np.float64]:
    return np.logaddexp(0, logits * (1 - 2 * labels), dtype=np.float64)


def _measure(linear: Linear, embeddings: Matrix, labels: Vector) -> dict[str, float]:
    logits = linear.logits(embeddings)
    return {
        "loss": float(_cross_entropies(logits, labels).mean()),
        "accuracy": float(((logits >= 0) == labels).mean()),
        "auroc": float(cast(Any, roc_auc_score)(labels, logits)),
    }
