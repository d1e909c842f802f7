"""Fit heads on embeddings: L2-penalized logistic regression on standardized features."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    threadpool_limits,
)

from trainer.features.heads import Classes, Examples, Head, Matrix, Vector, standardize

# largest gradient of the mean loss at which L-BFGS stops
_TOLERANCE = 1e-4
# twenty to a hundred are usual
_MAX_ITERATIONS = 1000
# logit, below the lowest bias, of classes without train views: a probability below 1e-7
_ABSENT_BIAS = -16.0


def fit_heads(
    variants: Sequence[Examples], weight_decays: Sequence[float], num_outputs: int
) -> list[Head]:
    """Fit a head for each weight decay to all variants of the train views.

    L-BFGS (Liu and Nocedal 1989) minimizes the sum of the weighted cross-entropies over views, plus
    `weight_decay / 2` times the sum of the squared weights of standardized features.

    Args:
        variants: the same train views in the same order, each time embedded from another variant.
        num_outputs: 1 for the logit of abnormal, or one per class.
    """
    embeddings = np.concatenate([examples.embeddings for examples in variants])
    classes = np.concatenate([examples.classes for examples in variants])
    # so the number of variants does not change the balance of loss and penalty
    weights = np.concatenate([examples.weights for examples in variants]) / len(variants)
    standard = standardize(embeddings)
    # with one thread, results do not depend on the number of cores, and small fits are faster
    with threadpool_limits(1, "blas"):
        return [
            standard.fold_into(_fit(standard.features, classes, weights, decay, num_outputs))
            for decay in weight_decays
        ]


def _fit(
    features: Matrix, classes: Classes, weights: Vector, weight_decay: float, num_outputs: int
) -> Head:
    # imported here, because it takes half a second and whole networks do not need it
    from sklearn.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        ConvergenceWarning,
    )
    from sklearn.linear_model import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        LogisticRegression,
    )

    # to convergence: the penalty takes the place of early stopping, so no view is held out
    model: Any = LogisticRegression(C=1 / weight_decay, tol=_TOLERANCE, max_iter=_MAX_ITERATIONS)
    with warnings.catch_warnings():
        # float32 sums may end the line search just above the tolerance
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, classes, sample_weight=weights)
    kernel, bias = model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
    if num_outputs == 1:
        return Head(kernel, bias)
    if len(model.classes_) == 2:  # scikit-learn fits the difference of two logits
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    all_kernels = np.zeros((features.shape[1], num_outputs), np.float32)
    all_biases = np.full(num_outputs, bias.min() + _ABSENT_BIAS, np.float32)
    all_kernels[:, model.classes_], all_biases[model.classes_] = kernel, bias
    return Head(all_kernels, all_biases)
