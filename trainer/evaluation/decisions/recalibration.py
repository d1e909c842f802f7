"""Calibration in the large, calibration slope, and logistic recalibration on another set."""

import numpy as np
import polars as pl
from scipy.special import expit

from trainer.evaluation.binary_metrics import Floats, Ints, to_number
from trainer.evaluation.bootstrap import MIN_GROUPS, Draws, draw_weights
from trainer.evaluation.decisions.calibration import (
    brier_score,
    calibrate,
    expected_calibration_error,
    to_logits,
)
from trainer.evaluation.decisions.decision import Rule
from trainer.evaluation.decisions.logistic import fit_intercept, fit_line
from trainer.evaluation.decisions.operating_points import learn_threshold
from trainer.evaluation.estimates import to_bounds
from trainer.evaluation.metrics import Measures, measure_rates
from trainer.evaluation.scored_table import to_arrays

# resamples for the intervals, fewer than elsewhere: each is two logistic regressions
NUM_FITS = 500


def assess_calibration(rows: pl.DataFrame, rule: Rule, seed: int) -> Measures:
    """Compare the calibrated probabilities of a set with its labels.

    Args:
        rows: views or studies with `label`, `probability` (not calibrated) and `group`.

    Returns:
        `mean_probability` and `abnormal_share`; `in_the_large` and `slope`, each `value` and
        `interval`, None where undefined; `fitted`: a list of recalibrations, scored on the set that
        they were fitted to; `fitted_threshold`: Youden's threshold of this set, on the calibrated
        scale, and its rates.
    """
    labels, probabilities = to_arrays(rows)
    calibrated = calibrate(probabilities, rule.temperature)
    logits, once = to_logits(calibrated), np.ones((labels.size, 1))
    # Van Calster et al. 2019, BMC Med. 17:230. Calibration in the large: the intercept with the
    # logits as offset, 0 if the mean probability is right, below 0 if probabilities are too high.
    # Calibration slope: 1 if the spread of the logits is right, below 1 if they are too extreme.
    shift = fit_intercept(labels, logits, once)
    line = fit_line(labels, logits, once)
    drawn = _resample(rows, labels, logits, seed)
    return {
        "mean_probability": float(calibrated.mean()),
        "abnormal_share": float(labels.mean()),
        "in_the_large": {"value": to_number(shift), "interval": drawn and to_bounds(drawn[0])},
        "slope": {"value": to_number(line[1]), "interval": drawn and to_bounds(drawn[1])},
        "fitted": [
            _describe("none", labels, logits, 0.0, 1.0),
            _describe("intercept", labels, logits, to_number(shift), 1.0),
            _describe("intercept and slope", labels, logits, *map(to_number, line)),
        ],
        "fitted_threshold": _fit_threshold(labels, calibrated),
    }


def _resample(
    rows: pl.DataFrame, labels: Ints, logits: Floats, seed: int
) -> tuple[Floats, Floats] | None:
    names, clusters = np.unique(rows["group"].to_numpy(), return_inverse=True)
    if names.size < MIN_GROUPS:
        return None
    intercepts, slopes = list[Floats](), list[Floats]()
    for of_clusters in draw_weights(names.size, Draws(NUM_FITS, seed), labels.size):
        weights = of_clusters[clusters]
        intercepts.append(fit_intercept(labels, logits, weights))
        slopes.append(fit_line(labels, logits, weights)[1])
    return np.concatenate(intercepts), np.concatenate(slopes)


def _describe(
    method: str, labels: Ints, logits: Floats, intercept: float | None, slope: float | None
) -> Measures:
    brier = error = None
    if intercept is not None and slope is not None:
        fitted = expit(intercept + slope * logits)
        brier = brier_score(labels, fitted)
        error = expected_calibration_error(labels, fitted)
    known = {"method": method, "intercept": intercept, "slope": slope}
    return {**known, "brier": brier, "calibration_error": error}


def _fit_threshold(labels: Ints, calibrated: Floats) -> Measures | None:
    if np.unique(labels).size < 2:
        return None
    threshold = learn_threshold(labels, calibrated)
    return {"threshold": threshold, **measure_rates(labels, calibrated, threshold)}
