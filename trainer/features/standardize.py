"""Input features of heads: standardized embeddings, or their principal components."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from trainer.features.heads import Head, Matrix, Vector

_MIN_STD = 1e-2
"""Lower bound of the standard deviation. It prevents large values from a feature that is almost
constant in training but not later."""
_NUM_COMPONENTS = 64
"""Principal components that a `hidden` head takes."""
_NUM_POWER_ITERATIONS = 2
"""Enough for components that explain half of the variance; scikit-learn's default of 7 takes three
times as long."""


@dataclass(frozen=True)
class Features:
    """Affine features of embeddings: `(embeddings - mean) @ matrix`.

    Attributes:
        mean: float32 (n,).
        matrix: float32 (n, m), or (n,) for a diagonal matrix.
        train: features of train rows, float32 (rows, m).
        validation: features of validation rows, float32 (rows, m).
    """

    mean: Vector
    matrix: Matrix
    train: Matrix
    validation: Matrix

    def fold_into(self, head: Head) -> Head:
        """Convert a head on features to an equal head on embeddings."""
        kernel, hidden_kernel = (
            self._fold_kernel(head.kernel),
            self._fold_kernel(head.hidden_kernel),
        )
        return Head(
            kernel,
            head.bias - self.mean @ kernel,
            hidden_kernel,
            head.hidden_bias - self.mean @ hidden_kernel,
            head.output_kernel,
        )

    def _fold_kernel(self, weights: Matrix) -> Matrix:
        return self.matrix[:, None] * weights if self.matrix.ndim == 1 else self.matrix @ weights


def standardize(train: Matrix, validation: Matrix) -> Features:
    """Return features with mean 0 and variance 1 on train rows, from embeddings (rows, n)."""
    mean = train.mean(axis=0)
    scale = 1 / np.maximum(train.std(axis=0), np.float32(_MIN_STD))
    return Features(mean, scale, (train - mean) * scale, (validation - mean) * scale)


def find_components(standard: Features, seed: int) -> Features:
    """Return the leading principal components of the standardized features of train rows.

    Computed by the randomized algorithm of Halko et al. (https://arxiv.org/abs/0909.4061).
    """
    # imported here, because it takes half a second and linear heads do not need it
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
