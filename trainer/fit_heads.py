"""Fit heads: several are fitted to the same embeddings, each stopped early on validation views."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.decomposition import PCA  # pyright: ignore[reportMissingTypeStubs]  # it has none

from trainer.candidates import Candidate
from trainer.heads import (
    Classes,
    Examples,
    Head,
    Matrix,
    Vector,
    cross_entropies,
    measure_logits,
    to_probabilities,
)
from trainer.options import FitOptions

Parameters = npt.NDArray[np.float64]

_MIN_STD = 1e-2
"""A feature that hardly ever fires in training must not count for much when it does later."""
_NUM_HIDDEN = 32
_NUM_COMPONENTS = 64
_LOSS_TOLERANCE = 1e-6
"""Relative: below what float32 sums of thousands of rows can tell, a line search goes astray."""


@dataclass(frozen=True)
class FittedHead:
    """A head with the weights of its best epoch.

    Attributes:
        head: from embeddings to logits.
        rows: one an epoch, as `trainer.history.HISTORY_SCHEMA` has them, but for `is_best`.
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
) -> list[FittedHead]:
    """Fit heads to embeddings and classes with weight decay; stop each early on validation loss.

    An epoch is an iteration of L-BFGS (Liu and Nocedal 1989), which sees all train views at once:
    some fifteen find what thousands of steps of Adam would. Weight decay stands for dropout too,
    which on a linear model's features is a form of it (Wager et al.,
    https://arxiv.org/abs/1307.1493). Batches do not matter.

    A linear head sees all features. One with hidden units sees their leading principal components,
    straight and through the units, so that it has few weights where views are few. The first layer
    decays to where it starts and not to zero, where strong decay would leave no unit alive
    (Pearce et al., https://arxiv.org/abs/1810.05546).

    Args:
        train: of the views to fit to.
        validation: of the views to stop by.
        candidates: their `head` and `decay`.
        num_outputs: 1 for the probability of abnormal, more for as many classes.
        options: epochs, patience, and the seed of components and of hidden units.

    Returns:
        One for each candidate, in their order.
    """
    space = _Space(train, validation, options.seed)
    return [_fit(space, candidate, num_outputs, options) for candidate in candidates]


@dataclass(frozen=True)
class _Basis:
    """Features that are affine in embeddings: `(embeddings - mean) @ matrix`.

    Attributes:
        mean: float32 (n,).
        matrix: float32 (n, m), or (n,) where each feature is one of an embedding's, scaled.
        train: features of train rows, float32 (rows, m).
        validation: those of validation rows.
    """

    mean: Vector
    matrix: Matrix
    train: Matrix
    validation: Matrix

    def unfold(self, head: Head) -> Head:
        """Turn a head on features into one on embeddings."""
        straight, inward = self._through(head.straight), self._through(head.inward)
        return Head(
            straight,
            head.bias - self.mean @ straight,
            inward,
            head.inward_bias - self.mean @ inward,
            head.outward,
        )

    def _through(self, weights: Matrix) -> Matrix:
        return self.matrix[:, None] * weights if self.matrix.ndim == 1 else self.matrix @ weights


class _Space:
    """The features of a fit's views, which all its candidates share."""

    def __init__(self, train: Examples, validation: Examples, seed: int):
        self.train, self.validation, self._seed = train, validation, seed

    @cached_property
    def standard(self) -> _Basis:
        """Features of mean 0 and variance 1."""
        embeddings = self.train.embeddings
        mean = embeddings.mean(axis=0)
        scale = 1 / np.maximum(embeddings.std(axis=0), np.float32(_MIN_STD))
        features = ((rows.embeddings - mean) * scale for rows in (self.train, self.validation))
        return _Basis(mean, scale, *features)

    @cached_property
    def components(self) -> _Basis:
        """Standard features along the directions in which they vary most."""
        standard = self.standard
        num_components = min(_NUM_COMPONENTS, *standard.train.shape)
        pca: Any = PCA(num_components, svd_solver="randomized", random_state=self._seed)
        axes: Matrix = pca.fit(standard.train).components_.T
        matrix = standard.matrix[:, None] * axes
        return _Basis(standard.mean, matrix, standard.train @ axes, standard.validation @ axes)


def _fit(space: _Space, candidate: Candidate, num_outputs: int, options: FitOptions) -> FittedHead:
    is_hidden = candidate.head == "hidden"
    basis = space.components if is_hidden else space.standard
    num_embedded = len(basis.mean)
    shape = _Shape(basis.train.shape[1], _NUM_HIDDEN if is_hidden else 0, num_outputs)
    start = _start(shape, num_embedded, options.seed)
    decay = _spread_decay(shape, num_embedded, cast(float, candidate.decay))
    problem = _Problem(shape, basis.train, space.train, start, decay)
    log = _Log(space, basis, problem, options.patience)
    minimize(
        problem.loss,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=log.add,
        options={"maxiter": options.epochs, "ftol": _LOSS_TOLERANCE},
    )
    if not log.rows:  # nothing to learn: the start is the optimum
        log.add(start)
    return FittedHead(basis.unfold(shape.unpack(log.best)), log.rows)


@dataclass(frozen=True)
class _Shape:
    """How a head's weights lie in one vector."""

    num_features: int
    num_hidden: int
    num_outputs: int

    @property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of a head's arrays, in the order of its attributes."""
        return (
            (self.num_features, self.num_outputs),
            (self.num_outputs,),
            (self.num_features, self.num_hidden),
            (self.num_hidden,),
            (self.num_hidden, self.num_outputs),
        )

    def unpack(self, parameters: Parameters) -> Head:
        """Return the head of a vector."""
        ends = np.cumsum([np.prod(part, dtype=int) for part in self.parts])
        pieces = np.split(parameters.astype(np.float32), ends[:-1])
        return Head(*(p.reshape(part) for p, part in zip(pieces, self.parts, strict=True)))


def _pack(*arrays: npt.NDArray[Any]) -> Parameters:
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)


def _start(shape: _Shape, num_embedded: int, seed: int) -> Parameters:
    """Return zeros, but for the weights of hidden units (He et al. 2015, arXiv:1502.01852)."""
    arrays = [np.zeros(part) for part in shape.parts]
    random = np.random.default_rng(seed)
    arrays[2] = random.normal(0, np.sqrt(2 / num_embedded), shape.parts[2])
    return _pack(*arrays)


def _spread_decay(shape: _Shape, num_embedded: int, decay: float) -> Parameters:
    """Return each weight's decay: none of biases; hidden units may do as much as all features."""
    arrays = [np.zeros(part) for part in shape.parts]
    arrays[0] += decay
    arrays[2] += num_embedded / 2
    arrays[4] += decay * shape.num_hidden / num_embedded
    return _pack(*arrays)


class _Problem:
    """The penalized loss of a head's weights, as L-BFGS asks for it."""

    def __init__(
        self,
        shape: _Shape,
        features: Matrix,
        examples: Examples,
        start: Parameters,
        decay: Parameters,
    ):
        self._shape, self._features, self._examples = shape, features, examples
        self._start, self._decay = start, decay
        self._targets = _to_targets(examples.classes, shape.num_outputs)
        self._last = (start, np.zeros((0, 0), np.float32))

    def loss(self, parameters: Parameters) -> tuple[float, Parameters]:
        """Return the penalized loss, summed over rows, and its gradient."""
        features, examples = self._features, self._examples
        head = self._shape.unpack(parameters)
        hidden = head.activate(features)
        logits = head.combine(features, hidden)
        self._last = (parameters.copy(), logits)
        error = (to_probabilities(logits) - self._targets) * examples.weights[:, None]
        hidden_error = error @ head.outward.T * (hidden > 0)
        gradient = _pack(
            features.T @ error,
            error.sum(axis=0),
            features.T @ hidden_error,
            hidden_error.sum(axis=0),
            hidden.T @ error,
        )
        moved = parameters - self._start
        penalty = self._decay * moved
        loss = examples.weights @ cross_entropies(logits, examples.classes)
        return float(loss + 0.5 * moved @ penalty), gradient + penalty

    def logits(self, parameters: Parameters) -> Matrix:
        """Return the logits of train rows; at no cost, where the loss was asked for just before."""
        known, logits = self._last
        if logits.size and np.array_equal(known, parameters):
            return logits
        return self._shape.unpack(parameters).logits(self._features)

    def logits_of(self, features: Matrix, parameters: Parameters) -> Matrix:
        """Return the logits of other rows."""
        return self._shape.unpack(parameters).logits(features)


def _to_targets(classes: Classes, num_outputs: int) -> Matrix:
    if num_outputs == 1:
        return classes[:, None].astype(np.float32)
    return np.eye(num_outputs, dtype=np.float32)[classes]


class _Log:
    """Keeps the epochs of a fit and the weights of the best; ends a fit that no longer improves."""

    def __init__(self, space: _Space, basis: _Basis, problem: _Problem, patience: int):
        self._space, self._basis, self._problem = space, basis, problem
        self._patience = patience
        self._best_index, self._started_s = 0, time.monotonic()
        self.best: Parameters = np.zeros(0)
        self.rows: list[dict[str, Any]] = []

    def add(self, xk: Parameters) -> None:
        """Measure the epoch that ends with these weights.

        Raises:
            StopIteration: the last `patience` epochs were no better than the best.
        """
        space = self._space
        seconds = time.monotonic() - self._started_s
        train = measure_logits(self._problem.logits(xk), space.train)
        logits = self._problem.logits_of(self._basis.validation, xk)
        after = measure_logits(logits, space.validation)
        epoch = {"epoch": len(self.rows) + 1, "seconds": seconds}
        pace = {"images_per_s": len(space.train.classes) / seconds}
        self.rows.append(
            epoch | train | pace | {f"val_{name}": value for name, value in after.items()}
        )
        best = self.rows[self._best_index]["val_loss"]
        if len(self.rows) == 1 or self.rows[-1]["val_loss"] < best:
            self._best_index, self.best = len(self.rows) - 1, xk.copy()
        elif len(self.rows) - 1 - self._best_index >= self._patience:
            raise StopIteration
        self._started_s = time.monotonic()
