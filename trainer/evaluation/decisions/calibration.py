"""Reliability bins, expected calibration error, Brier score and temperature scaling."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.evaluation.binary_metrics import Floats, Ints

# the number of bins in Guo et al. 2017
MAX_BINS = 15
# with fewer rows in a bin, the share of abnormal rows would be mostly noise
_MIN_ROWS = 10
# the lowest and highest temperature that can be learnt
TEMPERATURES = (0.01, 100.0)


@dataclass(frozen=True)
class Reliability:
    """Bins of rows, by rising probability; each attribute has the shape (bins,)."""

    mean_probability: Floats
    abnormal_share: Floats
    num_rows: Ints


def bin_by_probability(labels: Ints, probabilities: Floats) -> Reliability:
    """Sort one or more rows into 15 bins of equal size, or of ten rows if they are fewer than 150.

    Equal probabilities share a bin.
    """
    # bins of equal size estimate the calibration error with less bias than bins of equal width
    # (Roelofs et al. 2022, arXiv:2012.08668)
    num_bins = min(MAX_BINS, max(1, labels.size // _MIN_ROWS))
    num_lower = np.searchsorted(np.sort(probabilities), probabilities)
    bins = num_lower * num_bins // labels.size
    num_rows = np.bincount(bins, minlength=num_bins)
    filled = num_rows > 0
    mean_probability, abnormal_share = (
        np.bincount(bins, weights, num_bins)[filled] / num_rows[filled]
        for weights in (probabilities, labels)
    )
    return Reliability(mean_probability, abnormal_share, num_rows[filled])


def expected_calibration_error(labels: Ints, probabilities: Floats) -> float:
    """Return the mean, over rows, of |mean probability - abnormal share| of the row's bin."""
    # Naeini et al. 2015, AAAI, "Obtaining well calibrated probabilities using Bayesian binning"
    bins = bin_by_probability(labels, probabilities)
    distance = np.abs(bins.mean_probability - bins.abnormal_share)
    return float(np.average(distance, weights=bins.num_rows))


def brier_score(labels: Ints, probabilities: Floats) -> float:
    """Return the mean squared difference of probability and label (Brier 1950, MWR 78:1)."""
    return float(np.mean((probabilities - labels) ** 2))


def calibrate(probabilities: Floats, temperature: float) -> Floats:
    """Return the probabilities with their logits divided by a temperature.

    0.5 and the order of probabilities do not change (Guo et al. 2017, arXiv:1706.04599, 4.2).
    """
    scaled = to_logits(probabilities) / temperature
    # the sigmoid, with an exponential that cannot overflow
    small = np.exp(-np.abs(scaled))
    return np.where(scaled < 0, small, 1) / (1 + small)


def learn_temperature(labels: Ints, probabilities: Floats) -> float:
    """Return the temperature, 0.01 to 100, with the highest likelihood of the labels.

    A temperature above 1 corrects overconfident probabilities, below 1 underconfident ones.
    """
    # late, as prediction does not need it, and it takes a third of the time of all imports
    from scipy.optimize import minimize_scalar

    logits, num_abnormal = to_logits(probabilities), labels.sum()
    # smoothed by one row of each class (Platt 1999, Advances in Large Margin Classifiers, p. 61): a
    # few perfectly separated rows do not justify certainty about all others
    smoothed = np.where(
        labels == 1,
        (num_abnormal + 1) / (num_abnormal + 2),
        1 / (labels.size - num_abnormal + 2),
    )

    def loss(log_temperature: float) -> float:
        scaled = logits * math.exp(-log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - smoothed * scaled))

    # on a log scale, because temperatures span four orders of magnitude
    low, high = map(math.log, TEMPERATURES)
    # the likelihood is concave in the inverse temperature, so it has one maximum
    found: Any = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return math.exp(found.x)


def to_logits(probabilities: Floats) -> Floats:
    """Return finite logits; a float32 sigmoid can return exactly 0 and 1."""
    tiny = np.finfo(np.float32).tiny
    nearly_one = 1 - np.finfo(np.float32).epsneg / 2
    clipped = np.clip(probabilities, tiny, nearly_one)
    return np.log(clipped / (1 - clipped))
