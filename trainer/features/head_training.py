"""Fit heads on embeddings by L-BFGS with early stopping."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    threadpool_limits,
)

from trainer.features.head_loss import HeadLoss, HeadShape, Parameters
from trainer.features.heads import Examples, Head, measure_logits
from trainer.features.standardize import Features, find_components, standardize
from trainer.models.candidates import Candidate
from trainer.options import FitOptions
from trainer.runs.hardware import count_usable_cores

_NUM_HIDDEN = 32
"""Units in the hidden layer of a `hidden` head."""
_LOSS_TOLERANCE = 1e-6
"""Smallest relative decrease of the loss. Below it, the rounding of float32 sums over thousands of
rows misleads the line search."""


@dataclass(frozen=True)
class TrainedHead:
    """A head with the weights of its best epoch.

    Attributes:
        head: head from embeddings to logits.
        rows: one per epoch, columns as in `HISTORY_SCHEMA` without `is_best`.
    """

    head: Head
    rows: list[dict[str, Any]]

    @property
    def best(self) -> dict[str, Any]:
        """The row of the epoch with the lowest validation loss."""
        return min(self.rows, key=lambda row: row["val_loss"])


def fit_heads(
    train: Examples,
    validation: Examples,
    candidates: Sequence[Candidate],
    num_outputs: int,
    options: FitOptions,
) -> list[TrainedHead]:
    """Fit a head per candidate with weight decay and early stopping on the validation loss.

    An epoch is one iteration of L-BFGS (Liu and Nocedal 1989) over all train views: about fifteen
    replace thousands of steps of Adam. Weight decay also replaces dropout, which is a form of
    weight decay on the features of a linear model (Wager et al., https://arxiv.org/abs/1307.1493).
    The batch size has no effect.

    A linear head takes all features. A hidden head takes their leading principal components, both
    through hidden units and directly, so that it has few weights for small training sets. The
    weights of hidden units decay towards their initial values, because strong decay towards zero
    would disable all units (Pearce et al., https://arxiv.org/abs/1810.05546).
    """
    has_hidden = any(candidate.head == "hidden" for candidate in candidates)
    num_threads = count_usable_cores() or 1
    # one candidate per core: BLAS threads inside each product would compete for the same cores
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(num_threads) as pool:
        standardized = standardize(train.embeddings, validation.embeddings)
        leading = find_components(standardized, options.seed) if has_hidden else standardized

        def fit(candidate: Candidate) -> TrainedHead:
            features = leading if candidate.head == "hidden" else standardized
            return _HeadFit(features, train, validation, options).fit(candidate, num_outputs)

        return list(pool.map(fit, candidates))


class _HeadFit:
    """Fits one head with early stopping."""

    def __init__(
        self, features: Features, train: Examples, validation: Examples, options: FitOptions
    ):
        self._features, self._options = features, options
        self._train, self._validation = train, validation
        self._best_index, self._started_s = 0, time.monotonic()
        self._best: Parameters = np.zeros(0)
        self._rows: list[dict[str, Any]] = []

    def fit(self, candidate: Candidate, num_outputs: int) -> TrainedHead:
        """Fit the head of a candidate."""
        num_embedded, num_features = len(self._features.mean), self._features.train.shape[1]
        num_hidden = _NUM_HIDDEN if candidate.head == "hidden" else 0
        shape = HeadShape(num_embedded, num_features, num_hidden, num_outputs)
        initial = shape.initial(self._options.seed)
        decay = shape.decay_per_parameter(cast(float, candidate.weight_decay))
        loss = HeadLoss(shape, self._features.train, self._train, initial, decay)

        def end_epoch(xk: Parameters) -> None:
            self._add(xk, loss, shape.unpack(xk))

        minimize(
            loss,
            initial,
            jac=True,
            method="L-BFGS-B",
            callback=end_epoch,
            options={"maxiter": self._options.epochs, "ftol": _LOSS_TOLERANCE},
        )
        if not self._rows:  # no iteration: the initial weights are the optimum
            end_epoch(initial)
        return TrainedHead(self._features.fold_into(shape.unpack(self._best)), self._rows)

    def _add(self, parameters: Parameters, loss: HeadLoss, head: Head) -> None:
        """Score an epoch; for early stopping raise StopIteration, as SciPy documents."""
        seconds = time.monotonic() - self._started_s
        train_metrics = measure_logits(loss.logits(parameters), self._train)
        validation_metrics = measure_logits(
            head.logits(self._features.validation), self._validation
        )
        self._rows.append(
            {
                "epoch": len(self._rows) + 1,
                **train_metrics,
                **{f"val_{name}": value for name, value in validation_metrics.items()},
                "seconds": seconds,
                "images_per_s": len(self._train.classes) / seconds,
            }
        )
        index = len(self._rows) - 1
        if not index or self._rows[index]["val_loss"] < self._rows[self._best_index]["val_loss"]:
            self._best_index, self._best = index, parameters.copy()
        elif index - self._best_index >= self._options.patience:
            raise StopIteration
        self._started_s = time.monotonic()
