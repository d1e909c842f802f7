"""Logistic regression of labels on one variable, for many sets of weights at once."""

import numpy as np
from scipy.special import expit

from trainer.evaluation.binary_metrics import Floats, Ints, divide

_MAX_STEPS = 40
_LARGEST_STEP = 4.0
_CONVERGED = 1e-8
# larger coefficients are those of separated labels, whose likelihood has no maximum
_LARGEST = 50.0


def fit_intercept(labels: Ints, logits: Floats, weights: Floats) -> Floats:
    """Return the intercept of a logistic regression with the slope 1, NaN without both labels.

    Args:
        weights: of each row in each set, (rows, sets).
    """
    low, high = (np.full(weights.shape[1], limit) for limit in (-_LARGEST, _LARGEST))
    num_abnormal, intercept = labels @ weights, np.zeros(weights.shape[1])
    for _ in range(_MAX_STEPS):
        fitted = expit(intercept + logits[:, None])
        # the expected number of abnormal rows rises with the intercept
        missing = num_abnormal - (weights * fitted).sum(axis=0)
        low, high = np.where(missing > 0, intercept, low), np.where(missing > 0, high, intercept)
        step = divide(missing, (weights * fitted * (1 - fitted)).sum(axis=0))
        found = intercept + step
        is_inside = (found > low) & (found < high)
        # bisection where Newton's step leaves the bracket of the solution: far from it, saturated
        # probabilities make steps too long
        found = np.where(is_inside, found, (low + high) / 2)
        is_done = (np.abs(found - intercept) <= _CONVERGED).all()
        intercept = found
        if is_done:
            break
    has_both = (num_abnormal > 0) & (num_abnormal < weights.sum(axis=0))
    is_inside = np.abs(intercept) < _LARGEST - 1
    return np.where(has_both & is_inside, intercept, np.nan)


def fit_line(labels: Ints, logits: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return intercept and slope of a logistic regression on the logits, by Newton's method.

    NaN where the logits separate the labels or are all equal. Shapes are those of `fit_intercept`.
    """
    # a common scale keeps the steps of both coefficients comparable
    scale = float(np.std(logits)) or 1.0
    scaled = logits / scale
    intercept = np.zeros(weights.shape[1])
    slope, step = np.zeros_like(intercept), np.zeros((2, intercept.size))
    for _ in range(_MAX_STEPS):
        fitted = expit(intercept + slope * scaled[:, None])
        residual, curvature = weights * (labels[:, None] - fitted), weights * fitted * (1 - fitted)
        first, second = residual.sum(axis=0), scaled @ residual
        a, b, c = curvature.sum(axis=0), scaled @ curvature, scaled**2 @ curvature
        determinant = a * c - b * b
        step = np.stack([c * first - b * second, a * second - b * first])
        step = np.clip(divide(step, np.stack([determinant] * 2)), -_LARGEST_STEP, _LARGEST_STEP)
        intercept, slope = intercept + step[0], slope + step[1]
        if not (np.abs(step) > _CONVERGED).any():
            break
    is_fitted = (np.abs(step) <= _CONVERGED).all(axis=0) & (np.abs(intercept) < _LARGEST)
    return np.where(is_fitted, intercept, np.nan), np.where(is_fitted, slope / scale, np.nan)
