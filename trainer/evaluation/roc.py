"""The ROC curve and the area under it, also for many sets of weights at once."""

from dataclasses import dataclass

import numpy as np

from trainer.evaluation.binary_metrics import Floats, Ints, divide


@dataclass(frozen=True)
class Ranking:
    """Rows in order of probability, for the AUROC under any weights of their clusters.

    Attributes:
        normal: cluster of each normal row, by rising probability; likewise `abnormal`.
        num_below: for each abnormal row, the number of normal rows with a lower probability.
        num_up_to: for each abnormal row, the number of normal rows with an equal or lower one.
    """

    normal: Ints
    abnormal: Ints
    num_below: Ints
    num_up_to: Ints


def rank(labels: Ints, probabilities: Floats, clusters: Ints) -> Ranking:
    """Order rows by probability; `clusters` are numbers from 0, (rows,)."""
    order = np.argsort(probabilities, kind="stable")
    is_abnormal = labels[order] == 1
    ordered, in_order = probabilities[order], clusters[order]
    normal = ordered[~is_abnormal]
    num_below, num_up_to = (
        np.searchsorted(normal, ordered[is_abnormal], side) for side in ("left", "right")
    )
    return Ranking(in_order[~is_abnormal], in_order[is_abnormal], num_below, num_up_to)


def auroc(ranking: Ranking, weights: Floats) -> Floats:
    """Return the area under the ROC curve, (sets,), NaN if all rows of a label have zero weight.

    Args:
        weights: weight of each cluster, (clusters, sets).
    """
    # the weighted share of pairs of an abnormal and a normal row in which the abnormal row has the
    # higher probability; a tie counts half (Mann & Whitney 1947, Ann. Math. Stat. 18:50)
    below = np.zeros((ranking.normal.size + 1, weights.shape[1]))
    np.cumsum(weights[ranking.normal], axis=0, out=below[1:])
    abnormal = weights[ranking.abnormal]
    wins = below[ranking.num_below]
    wins += below[ranking.num_up_to]
    wins *= abnormal
    return divide(wins.sum(axis=0), 2 * below[-1] * abnormal.sum(axis=0))


def roc_curve(labels: Ints, probabilities: Floats) -> tuple[Floats, Floats]:
    """Return the false positive rate and the true positive rate at each distinct threshold.

    Both labels must be present; the rates, (distinct probabilities + 1,), rise from 0 to 1.
    """
    # no row reaches infinity, so the curve starts at the origin
    thresholds = np.append(np.inf, np.unique(probabilities)[::-1])
    normal, abnormal = (
        1 - np.searchsorted(np.sort(own), thresholds) / own.size
        for own in (probabilities[labels == label] for label in (0, 1))
    )
    return normal, abnormal
