"""Thresholds that meet a demand on held-out predictions: Youden's J, sensitivity, costs."""

import numpy as np

from trainer.evaluation.binary_metrics import Floats, Ints
from trainer.options.threshold import ThresholdRule


def find_threshold(labels: Ints, probabilities: Floats, rule: ThresholdRule) -> float:
    """Return the threshold that a learnt rule selects on rows of both labels.

    `sensitivity` gives the highest threshold with at least that sensitivity, and so the highest
    specificity; `specificity` the lowest one. `cost` minimizes the number of false positives plus
    `value` times that of false negatives.
    """
    if rule.kind == "youden":
        return learn_threshold(labels, probabilities)
    thresholds = _find_midpoints(np.append(probabilities, (0, 1)))
    num_missed, num_cleared = _count_below(labels, probabilities, thresholds)
    num_abnormal, num_normal = int(labels.sum()), int((1 - labels).sum())
    if rule.kind == "sensitivity":
        is_enough = (num_abnormal - num_missed) / num_abnormal >= rule.value
        # none is enough if abnormal rows have a probability of exactly 0
        return float(thresholds[is_enough][-1]) if is_enough.any() else 0.0
    if rule.kind == "specificity":
        is_enough = num_cleared / num_normal >= rule.value
        # none is enough if normal rows have a probability of exactly 1
        return float(thresholds[is_enough][0]) if is_enough.any() else 1.0
    cost = num_normal - num_cleared + rule.value * num_missed
    best = thresholds[cost == cost.min()]
    # 1 / (1 + value) is the best threshold for calibrated probabilities (Elkan 2001, IJCAI, "The
    # foundations of cost-sensitive learning", section 2)
    return float(best[np.abs(best - 1 / (1 + rule.value)).argmin()])


def learn_threshold(labels: Ints, probabilities: Floats) -> float:
    """Return the threshold with the highest Youden's J, sensitivity + specificity - 1.

    Of equal ones it is the nearest to 0.5; it is 0.5 if none is better than chance.
    """
    # unlike kappa, Youden's J (Youden 1950, Cancer 3:32) does not depend on the prevalence of
    # abnormal rows: 40 % of MURA's train split, 48 % of its valid split
    thresholds = _find_midpoints(probabilities)
    num_missed, num_cleared = _count_below(labels, probabilities, thresholds)
    youden = num_cleared / (labels == 0).sum() - num_missed / labels.sum()
    if not youden.size or youden.max() <= 0:
        return 0.5
    best = thresholds[youden == youden.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def _find_midpoints(values: Floats) -> Floats:
    distinct = np.unique(values)
    return (distinct[1:] + distinct[:-1]) / 2


def _count_below(labels: Ints, probabilities: Floats, thresholds: Floats) -> tuple[Ints, Ints]:
    """Return the number of abnormal and of normal rows below each threshold."""
    abnormal, normal = (np.sort(probabilities[labels == label]) for label in (1, 0))
    return np.searchsorted(abnormal, thresholds), np.searchsorted(normal, thresholds)
