"""Fit heads: several are fitted to the same embeddings, each stopped early on validation views."""

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

from trainer.features.head_loss import HeadLoss, Parameters, Shape
from trainer.features.heads import Examples, Head, measure_logits
from trainer.features.standardize import Features, find_components, standardize
from trainer.models.candidates import Candidate
from trainer.options import FitOptions
from trainer.runs.hardware import count_usable_cores

_NUM_HIDDEN = 32
_LOSS_TOLERANCE = 1e-6
"""Relative: below what float32 sums of thousands of rows can tell, a line search goes astray."""


@dataclass(frozen=True)
class TrainedHead:
    """A head with the weights of its best epoch.

    Attributes:
        head: from embeddings to logits.
        rows: one an epoch, as `HISTORY_SCHEMA` has them, but for `is_best`.
    """

    head: Head
    rows: list[dict[str, Any]]

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch: that with the lowest validation loss."""
        return min(self.rows, key=lambda row: row["val_loss"])


def fit_heads(
    train: Examples,
    validation: Examples,
    candidates: Sequence[Candidate],
    num_outputs: int,
    options: FitOptions,
) -> list[TrainedHead]:
    """Fit heads to embeddings and classes with weight decay; stop each early on validation loss.

    An epoch is an iteration of L-BFGS (Liu and Nocedal 1989), which sees all train views at once:
    some fifteen find what thousands of steps of Adam would. Weight decay stands for dropout too,
    which on a linear model's features is a form of it (Wager et al.,
    https://arxiv.org/abs/1307.1493). Batches do not matter.

    A linear head sees all features. One with hidden units sees their leading principal components,
    so that it has few weights where views are few, through the units and straight. Units' weights
    decay to where they start and not to zero, where strong decay would leave no unit alive (Pearce
    et al., https://arxiv.org/abs/1810.05546).

    Args:
        train: of the views to fit to.
        validation: of the views to stop by.
        candidates: their `head` and `decay`.
        num_outputs: 1 for the probability of abnormal, more for as many classes.
        options: epochs, patience, and the seed of components and of hidden units.

    Returns:
        One for each candidate, in their order.
    """
    has_hidden = any(candidate.head == "hidden" for candidate in candidates)
    num_threads = count_usable_cores() or 1
    # a candidate a core: libraries that divide single products among cores wait for each other
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(num_threads) as pool:
        standard = standardize(train.embeddings, validation.embeddings)
        leading = find_components(standard, options.seed) if has_hidden else standard

        def fit(candidate: Candidate) -> TrainedHead:
            features = leading if candidate.head == "hidden" else standard
            return _HeadFit(features, train, validation, options).fit(candidate, num_outputs)

        return list(pool.map(fit, candidates))


class _HeadFit:
    """Fits one head; keeps the epochs and the weights of the best; ends when it no longer improves.

    Args:
        features: that the head sees.
        train: of the views to fit to.
        validation: of the views to stop by.
        options: epochs, patience and seed.
    """

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
        shape = Shape(num_embedded, num_features, num_hidden, num_outputs)
        start = shape.start(self._options.seed)
        decay = shape.spread_decay(cast(float, candidate.weight_decay))
        loss = HeadLoss(shape, self._features.train, self._train, start, decay)

        def end_epoch(xk: Parameters) -> None:
            self._add(xk, loss, shape.unpack(xk))

        minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=end_epoch,
            options={"maxiter": self._options.epochs, "ftol": _LOSS_TOLERANCE},
        )
        if not self._rows:  # nothing to learn: the start is the optimum
            end_epoch(start)
        return TrainedHead(self._features.unfold(shape.unpack(self._best)), self._rows)

    def _add(self, parameters: Parameters, loss: HeadLoss, head: Head) -> None:
        """Measure the epoch that ends with these weights.

        Raises:
            StopIteration: the last `patience` epochs were no better than the best.
        """
        seconds = time.monotonic() - self._started_s
        before = measure_logits(loss.logits(parameters), self._train)
        after = measure_logits(head.logits(self._features.validation), self._validation)
        self._rows.append(
            {
                "epoch": len(self._rows) + 1,
                **before,
                **{f"val_{name}": value for name, value in after.items()},
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
