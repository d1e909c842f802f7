"""Input features of heads: standardized embeddings."""

from dataclasses import dataclass

import numpy as np

from trainer.features.heads import Head, Matrix, Vector

# Lower bound of the standard deviation. It prevents large values from a feature that is almost
# constant in training but not later.
_MIN_STD = 1e-2


@dataclass(frozen=True)
class Standardized:
    """Standardized embeddings, `(embeddings - mean) * scale`.

    Attributes:
        mean: float32 (n,).
        scale: float32 (n,).
        features: of train rows, with mean 0 and variance 1, float32 (rows, n).
    """

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
