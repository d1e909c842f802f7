"""Metrics of one set with 95 % confidence intervals and calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import polars as pl

from trainer.evaluation.binary_metrics import RATES, Floats, predictive_values, to_number
from trainer.evaluation.bootstrap import MIN_GROUPS, Draws, Resamples, interval, resample
from trainer.evaluation.decisions.calibration import (
    brier_score,
    calibrate,
    expected_calibration_error,
)
from trainer.evaluation.decisions.decision import Decision, Rule
from trainer.evaluation.metrics import Measures, measure, measure_rates
from trainer.evaluation.scored_table import levels, to_arrays

# shares of abnormal cases for predictive values; MURA's 40 % is above that of most hospitals
PREVALENCES = (0.05, 0.1, 0.2, 0.5)


def estimate(scored: pl.DataFrame, decision: Decision | None, seed: int) -> Measures:
    """Compute the metrics of one set of rows with intervals, at 0.5 and at the learnt threshold.

    Args:
        decision: decision of that model; None for a model that is not saved.

    Returns:
        The results of `measure`, `num_groups`, and for views (likewise for studies)
        `view_intervals`: by metric, `low`, `high` and `num_resamples`, or None with too few groups
        or for an undefined metric; `view_kappa_standard_error`, at 0.5; `view_brier`;
        `view_calibration_error`; with a decision also `view_calibrated_brier`,
        `view_calibrated_calibration_error` and `view_at_threshold`.
    """
    measures: Measures = {**measure(scored), "num_groups": scored["group"].n_unique()}
    for level, rows in levels(scored):
        rule = decision.rule(level) if decision else None
        own = _estimate_level(rows, rule, seed)
        measures |= {f"{level}_{key}": value for key, value in own.items()}
    return measures


def _estimate_level(rows: pl.DataFrame, rule: Rule | None, seed: int) -> Measures:
    labels, probabilities = to_arrays(rows)
    thresholds = [0.5] if rule is None else [0.5, rule.threshold]
    resamples = resample_rows(rows, thresholds, seed)
    intervals = [_bound(resamples, index) for index in range(len(thresholds))]
    measures: Measures = {
        "intervals": intervals[0],
        # the report shows it beside published kappas, as the precision of a comparison
        "kappa_standard_error": _deviation(resamples.rates[0]["kappa"]) if resamples else None,
        "brier": brier_score(labels, probabilities),
        "calibration_error": expected_calibration_error(labels, probabilities),
    }
    if rule is None:
        return measures
    calibrated = calibrate(probabilities, rule.temperature)
    at_threshold = measure_rates(labels, probabilities, rule.threshold)
    drawn = resamples.rates[1] if resamples else None
    return measures | {
        "calibrated_brier": brier_score(labels, calibrated),
        "calibrated_calibration_error": expected_calibration_error(labels, calibrated),
        "at_threshold": {
            "threshold": rule.threshold,
            **at_threshold,
            "intervals": intervals[1],
            "predictive_values": [
                _predict_values(at_threshold, drawn, prevalence) for prevalence in PREVALENCES
            ],
        },
    }


def resample_rows(
    rows: pl.DataFrame, thresholds: Sequence[float] = (0.5,), seed: int = 0
) -> Resamples | None:
    """Return the metrics of resamples of rows; None with fewer than `MIN_GROUPS` groups."""
    groups = rows["group"].to_numpy()
    if np.unique(groups).size < MIN_GROUPS:
        return None
    return resample(*to_arrays(rows), groups, thresholds, Draws(seed=seed))


def _bound(resamples: Resamples | None, index: int) -> Measures:
    """Return the intervals of all metrics at the threshold of this index; all None if unknown."""
    if resamples is None:
        return dict.fromkeys(("auroc", *RATES))
    drawn = {"auroc": resamples.auroc, **resamples.rates[index]}
    return {key: to_bounds(values) for key, values in drawn.items()}


def _predict_values(
    rates: Measures, drawn: Mapping[str, Floats] | None, prevalence: float
) -> Measures:
    """Return `prevalence`, `ppv`, `npv` and their `intervals`, None where undefined."""
    # an undefined rate is None, which becomes NaN
    recall, specificity = (np.array(rates[key], np.float64) for key in ("recall", "specificity"))
    names, bounds = ("ppv", "npv"), (None, None)
    values = predictive_values(recall, specificity, prevalence)
    if drawn is not None:
        resampled = predictive_values(drawn["recall"], drawn["specificity"], prevalence)
        bounds = map(to_bounds, resampled)
    return {
        "prevalence": prevalence,
        **dict(zip(names, map(to_number, values), strict=True)),
        "intervals": dict(zip(names, bounds, strict=True)),
    }


def _deviation(values: Floats) -> float | None:
    defined = values[~np.isnan(values)]
    return float(np.std(defined, ddof=1)) if defined.size > 1 else None


def to_bounds(values: Floats) -> Measures | None:
    """Return the interval of a metric over resamples for JSON; None where undefined."""
    found = interval(values)
    return None if found is None else asdict(found)
