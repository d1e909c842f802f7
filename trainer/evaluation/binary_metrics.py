"""Binary metrics from counts of predictions, for one set of rows or thousands of resamples."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TN, FP, FN, TP = range(4)
"""The columns of counts: true negative, false positive, false negative, true positive."""

RATES = ("accuracy", "precision", "recall", "specificity", "f1", "kappa")


def confusion_cells(labels: Ints, probabilities: Floats, threshold: float) -> Ints:
    """Return the column of counts for each row: `2 * label + prediction`, int64 (rows,)."""
    return 2 * labels + (probabilities >= threshold)


def rates(counts: Floats) -> dict[str, Floats]:
    """Return the rates of predictions; undefined rates are NaN.

    Recall (sensitivity) needs an abnormal row, specificity a normal one. Kappa (Cohen 1960, Educ.
    Psychol. Meas. 20:37) is undefined if all labels and predictions are the same class. Precision
    without an abnormal prediction is 0, and so is F1 without an abnormal row or prediction, as in
    scikit-learn with `zero_division=0`.

    Args:
        counts: (..., 4), columns `TN`, `FP`, `FN`, `TP`; may be fractional.

    Returns:
        Each of `RATES`, (...).
    """
    tn, fp, fn, tp = np.moveaxis(counts, -1, 0)
    total = tn + fp + fn + tp
    by_chance = (tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)
    return {
        "accuracy": divide(tn + tp, total),
        "precision": divide(tp, tp + fp, 0),
        "recall": divide(tp, tp + fn),
        "specificity": divide(tn, tn + fp),
        "f1": divide(2 * tp, 2 * tp + fp + fn, 0),
        "kappa": divide(total * (tn + tp) - by_chance, total**2 - by_chance),
    }


def predictive_values(
    recall: Floats, specificity: Floats, prevalence: float
) -> tuple[Floats, Floats]:
    """Return the positive and the negative predictive value at a prevalence, by Bayes' theorem.

    They are the share of abnormal cases among those predicted abnormal, and of normal cases among
    those predicted normal; NaN without such predictions (Altman & Bland 1994, BMJ 309:102).

    Args:
        recall: sensitivity, (...).
        specificity: (...).
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


@dataclass(frozen=True)
class Ranking:
    """Rows in order of probability, for the AUROC under any weights of their clusters.

    Attributes:
        normal: cluster of each normal row, int64 (normal rows,), by rising probability.
        abnormal: cluster of each abnormal row, int64 (abnormal rows,), by rising probability.
        num_below: for each abnormal row, the number of normal rows with a lower probability.
        num_up_to: for each abnormal row, the number of normal rows with an equal or lower one.
    """

    normal: Ints
    abnormal: Ints
    num_below: Ints
    num_up_to: Ints


def rank(labels: Ints, probabilities: Floats, clusters: Ints) -> Ranking:
    """Order rows by probability.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: of abnormal, (rows,).
        clusters: numbers from 0, (rows,).
    """
    order = np.argsort(probabilities, kind="stable")
    is_abnormal = labels[order] == 1
    ordered, in_order = probabilities[order], clusters[order]
    normal = ordered[~is_abnormal]
    num_below, num_up_to = (
        np.searchsorted(normal, ordered[is_abnormal], side) for side in ("left", "right")
    )
    return Ranking(in_order[~is_abnormal], in_order[is_abnormal], num_below, num_up_to)


def auroc(ranking: Ranking, weights: Floats) -> Floats:
    """Return the area under the ROC curve, NaN if all rows of a label have zero weight.

    It is the weighted share of pairs of an abnormal and a normal row in which the abnormal row has
    the higher probability; a tie counts half (Mann & Whitney 1947, Ann. Math. Stat. 18:50).

    Args:
        ranking: as from `rank`.
        weights: weight of each cluster, (clusters, sets).

    Returns:
        (sets,).
    """
    below = np.zeros((ranking.normal.size + 1, weights.shape[1]))
    np.cumsum(weights[ranking.normal], axis=0, out=below[1:])
    abnormal = weights[ranking.abnormal]
    wins = below[ranking.num_below]
    wins += below[ranking.num_up_to]
    wins *= abnormal
    return divide(wins.sum(axis=0), 2 * below[-1] * abnormal.sum(axis=0))


def roc_curve(labels: Ints, probabilities: Floats) -> tuple[Floats, Floats]:
    """Return the false positive rate and the true positive rate at each distinct threshold.

    Thresholds decrease from infinity, which no row reaches, to the lowest probability.

    Args:
        labels: 0 and 1, (rows,), both present.
        probabilities: of abnormal, (rows,).

    Returns:
        Both (distinct probabilities + 1,), rising from 0 to 1.
    """
    thresholds = np.append(np.inf, np.unique(probabilities)[::-1])
    normal, abnormal = (
        1 - np.searchsorted(np.sort(own), thresholds) / own.size
        for own in (probabilities[labels == label] for label in (0, 1))
    )
    return normal, abnormal
