"""The content of `metrics.json`: a run's metrics and their confidence intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import polars as pl

from trainer.evaluation.binary_metrics import RATES, Floats
from trainer.evaluation.bootstrap import (
    COVERAGE,
    MIN_GROUPS,
    NUM_RESAMPLES,
    Draws,
    interval,
    resample,
)
from trainer.evaluation.calibration import brier_score, calibrate, expected_calibration_error
from trainer.evaluation.comparison import by_model, measure_folds, summarize
from trainer.evaluation.metrics import (
    CLASS_PROBABILITIES,
    ByPart,
    Measures,
    choose,
    final_rows,
    levels,
    measure,
    measure_answers,
    measure_by_part,
    rows_of_role,
    to_arrays,
)
from trainer.evaluation.multiclass import measure_classes
from trainer.evaluation.thresholds import Decision, Rule


def selected_model(scored: pl.DataFrame) -> str:
    """Return the saved model of a run: the only one, the refitted one, or the best out of fold.

    Args:
        scored: all predictions of a run, at least one.
    """
    final = final_rows(scored)["model"].unique()
    if final.len() == 1:
        return final[0]
    out_of_fold = scored.filter(role="out_of_fold")
    return choose({model: measure_by_part(rows) for model, rows in by_model(out_of_fold).items()})


def compute_metrics(
    config: Mapping[str, Any], scored: pl.DataFrame, decision: Decision
) -> dict[str, Any]:
    """Return the content of `metrics.json`.

    Args:
        config: configuration of the run; its `command`, `options.seed` and, for predictions with
            class probabilities, `classes` are read.
        scored: all predictions of the run.
        decision: decision learnt on these predictions.

    Returns:
        `bootstrap`: method of the intervals.
        `decision`: temperatures and thresholds.
        `classes`, for predictions with class probabilities: `names`, and by role the results of
        `measure_classes` for the saved model, empty without rows.
        `validation` and `test`: results of `judge` by body part, empty without rows.
        For `cv` also:
        `num_candidates`;
        `out_of_fold`: by candidate and body part, results of `judge` pooled over folds; for
        candidates that were not chosen, single body parts have results of `measure`;
        `folds`: by candidate, a list of results of `measure`, each with its `fold`;
        `over_folds`: by candidate, mean and spread of `folds`;
        `chosen`: the best candidate.
    """
    seed = config["options"]["seed"]
    final = final_rows(scored)
    judge_rows = partial(judge, decision=decision, seed=seed)
    by_role = {
        role: measure_by_part(final.filter(role=role), judge_rows)
        for role in ("validation", "test")
    }
    method = {
        "num_resamples": NUM_RESAMPLES,
        "of": "patient groups",
        "coverage": COVERAGE,
        "seed": seed,
    }
    shared = {"bootstrap": method, "decision": asdict(decision)}
    if CLASS_PROBABILITIES in scored.columns:
        shared["classes"] = _measure_class_sets(config["classes"], scored, decision.model, seed)
    if config["command"] != "cv":
        return shared | by_role
    candidates = by_model(scored.filter(role="out_of_fold"))
    folds = {model: measure_folds(rows) for model, rows in candidates.items()}
    return {
        **shared,
        "num_candidates": len(candidates),
        "out_of_fold": {
            model: measure_by_part(rows, judge_rows)
            if model == decision.model
            else _judge_rival(rows, seed)
            for model, rows in candidates.items()
        },
        "folds": folds,
        "over_folds": {model: summarize(measures) for model, measures in folds.items()},
        "chosen": decision.model,
        **by_role,
    }


def _measure_class_sets(
    names: Sequence[str], scored: pl.DataFrame, model: str, seed: int
) -> Measures:
    own = scored.filter(model=model)
    sets = {role: rows_of_role(own, role) for role in ("validation", "out_of_fold", "test")}
    return {
        "names": list(names),
        **{
            role: measure_classes(rows, names, seed) if rows.height else {}
            for role, rows in sets.items()
        },
    }


def _judge_rival(rows: pl.DataFrame, seed: int) -> ByPart:
    """Compute the metrics of a candidate that was not chosen; only `all` has intervals."""
    return {**measure_by_part(rows), "all": judge(rows, None, seed)}


def judge(scored: pl.DataFrame, decision: Decision | None, seed: int) -> Measures:
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
        measures |= {
            f"{level}_{key}": value for key, value in _judge_level(rows, rule, seed).items()
        }
    return measures


def _judge_level(rows: pl.DataFrame, rule: Rule | None, seed: int) -> Measures:
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
            **measure_answers(labels, probabilities, rule.threshold),
            "intervals": intervals[1],
        },
    }


def _bound(rows: pl.DataFrame, thresholds: Sequence[float], seed: int) -> list[Measures]:
    """Return the intervals of all metrics at each threshold; all None with too few groups."""
    groups = rows["group"].to_numpy()
    if rows["group"].n_unique() < MIN_GROUPS:
        return [dict.fromkeys(("auroc", *RATES)) for _ in thresholds]
    resamples = resample(*to_arrays(rows), groups, thresholds, Draws(seed=seed))
    auroc = {"auroc": _describe(resamples.auroc)}
    return [auroc | {k: _describe(v) for k, v in rates.items()} for rates in resamples.rates]


def _describe(values: Floats) -> Measures | None:
    found = interval(values)
    return None if found is None else asdict(found)
