"""Binary metrics from counts of predictions, for one set of rows or thousands of resamples."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# the columns of counts: true negative, false positive, false negative, true positive
TN, FP, FN, TP = range(4)
RATES = ("accuracy", "precision", "recall", "specificity", "f1", "kappa")


def confusion_cells(labels: Ints, probabilities: Floats, threshold: float) -> Ints:
    """Return the column of counts for each row: `2 * label + prediction`, int64 (rows,)."""
    return 2 * labels + (probabilities >= threshold)


def rates(counts: Floats) -> dict[str, Floats]:
    """Return each of `RATES`, (...); undefined ones are NaN.

    Args:
        counts: (..., 4), columns `TN`, `FP`, `FN`, `TP`; may be fractional.
    """
    tn, fp, fn, tp = np.moveaxis(counts, -1, 0)
    total = tn + fp + fn + tp
    by_chance = (tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)
    return {
        "accuracy": divide(tn + tp, total),
        # 0 without an abnormal prediction, as in scikit-learn with zero_division=0; F1 likewise
        "precision": divide(tp, tp + fp, 0),
        "recall": divide(tp, tp + fn),
        "specificity": divide(tn, tn + fp),
        "f1": divide(2 * tp, 2 * tp + fp + fn, 0),
        # Cohen 1960, Educ. Psychol. Meas. 20:37; undefined if all labels and predictions are equal
        "kappa": divide(total * (tn + tp) - by_chance, total**2 - by_chance),
    }


def predictive_values(
    recall: Floats, specificity: Floats, prevalence: float
) -> tuple[Floats, Floats]:
    """Return the positive and the negative predictive value at a prevalence, by Bayes' theorem.

    NaN without such predictions (Altman & Bland 1994, BMJ 309:102).

    Args:
        prevalence: share of abnormal cases, above 0 and below 1.
    """
    true_positive, true_negative = recall * prevalence, specificity * (1 - prevalence)
    false_positive, false_negative = 1 - prevalence - true_negative, prevalence - true_positive
    return (
        divide(true_positive, true_positive + false_positive),
        divide(true_negative, true_negative + false_negative),
    )


def to_number(value: Floats) -> float | None:
    """Return a single value, or None if it is undefined (NaN), which JSON does not have."""
    number = float(np.asarray(value).item())
    return None if math.isnan(number) else number


def divide(numerator: Floats, denominator: Floats, otherwise: float = np.nan) -> Floats:
    """Return the quotients, with `otherwise` where the denominator is 0."""
    undefined = np.full(np.shape(denominator), otherwise, np.float64)
    return np.divide(numerator, denominator, out=undefined, where=denominator != 0)
