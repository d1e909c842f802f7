"""Head features: what heads see of embeddings: each one standardized, or principal components."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from trainer.features.heads import Head, Matrix, Vector

_MIN_STD = 1e-2
"""A feature that hardly ever fires in training must not count for much when it does later."""
_NUM_COMPONENTS = 64
_NUM_POWER_ITERATIONS = 2
"""Enough for directions that hold half of the variance; the default of 7 takes thrice as long."""


@dataclass(frozen=True)
class Features:
    """Features that are affine in embeddings: `(embeddings - mean) @ matrix`.

    Attributes:
        mean: float32 (n,).
        matrix: float32 (n, m), or (n,) where each feature is one of an embedding's, scaled.
        train: of train rows, float32 (rows, m).
        validation: of validation rows.
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


def standardize(train: Matrix, validation: Matrix) -> Features:
    """Return each of an embedding's features at mean 0 and variance 1 on train rows.

    Args:
        train: embeddings, float32 (rows, n).
        validation: embeddings.
    """
    mean = train.mean(axis=0)
    scale = 1 / np.maximum(train.std(axis=0), np.float32(_MIN_STD))
    return Features(mean, scale, (train - mean) * scale, (validation - mean) * scale)


def find_components(standard: Features, seed: int) -> Features:
    """Return the leading principal components of train rows' standardized features.

    Args:
        standard: as from `standardize`.
        seed: of the search for their directions (Halko et al., https://arxiv.org/abs/0909.4061).
    """
    # not every head needs it, and it takes half a second
    from sklearn.decomposition import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        PCA,
    )

    pca: Any = cast(Any, PCA)(
        min(_NUM_COMPONENTS, *standard.train.shape),
        svd_solver="randomized",
        iterated_power=_NUM_POWER_ITERATIONS,
        power_iteration_normalizer="QR",
        random_state=seed,
    )
    axes: Matrix = pca.fit(standard.train).components_.T
    matrix = standard.matrix[:, None] * axes
    return Features(standard.mean, matrix, standard.train @ axes, standard.validation @ axes)
