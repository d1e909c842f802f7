"""Metrics of one set with 95 % confidence intervals and calibration."""

from collections.abc import Sequence
from dataclasses import asdict

import polars as pl

from trainer.evaluation.binary_metrics import RATES, Floats
from trainer.evaluation.bootstrap import MIN_GROUPS, Draws, interval, resample
from trainer.evaluation.calibration import brier_score, calibrate, expected_calibration_error
from trainer.evaluation.decision import Decision, Rule
from trainer.evaluation.metrics import Measures, measure, measure_rates
from trainer.evaluation.scored_table import levels, to_arrays


def estimate(scored: pl.DataFrame, decision: Decision | None, seed: int) -> Measures:
    """Compute the metrics of one set of rows with intervals, at 0.5 and at the learnt threshold.

    Args:
        scored: one row per view, of one model.
        decision: decision of that model; None for a model that is not saved.
        seed: seed of the resamples.

    Returns:
        The results of `measure`, `num_groups`, and for views (likewise for studies):
        `view_intervals`: by metric, `low`, `high` and `num_resamples`, or None with too few groups
        or for an undefined metric; `view_brier`; `view_calibration_error`; with a decision also
        `view_calibrated_brier`, `view_calibrated_calibration_error` and `view_at_threshold`:
        `threshold`, its rates, `confusion` and `intervals`.
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
    intervals = _bound(rows, thresholds, seed)
    measures: Measures = {
        "intervals": intervals[0],
        "brier": brier_score(labels, probabilities),
        "calibration_error": expected_calibration_error(labels, probabilities),
    }
    if rule is None:
        return measures
    calibrated = calibrate(probabilities, rule.temperature)
    return measures | {
        "calibrated_brier": brier_score(labels, calibrated),
        "calibrated_calibration_error": expected_calibration_error(labels, calibrated),
        "at_threshold": {
            "threshold": rule.threshold,
            **measure_rates(labels, probabilities, rule.threshold),
            "intervals": intervals[1],
        },
    }


def _bound(rows: pl.DataFrame, thresholds: Sequence[float], seed: int) -> list[Measures]:
    """Return the intervals of all metrics at each threshold; all None with too few groups."""
    groups = rows["group"].to_numpy()
    if rows["group"].n_unique() < MIN_GROUPS:
        return [dict.fromkeys(("auroc", *RATES)) for _ in thresholds]
    resamples = resample(*to_arrays(rows), groups, thresholds, Draws(seed=seed))
    auroc = {"auroc": to_bounds(resamples.auroc)}
    return [auroc | {k: to_bounds(v) for k, v in rates.items()} for rates in resamples.rates]


def to_bounds(values: Floats) -> Measures | None:
    """Return the interval of a metric over resamples for JSON; None where undefined."""
    found = interval(values)
    return None if found is None else asdict(found)
