"""Results: what `metrics.json` says of a run, each number with its interval."""

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
    """Return the model that a run ends with: the only one, the refitted, or the best out of fold.

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
    """Return everything that `metrics.json` holds.

    Args:
        config: of the run; only `command`, `train` or `cv`, `options.seed` and, where predictions
            have them, the names of `classes` are read.
        scored: all predictions of the run.
        decision: what the run learnt on them.

    Returns:
        `bootstrap`: how intervals were made. `decision`. `validation` and `test`: measures by part
        as `judge` gives them, empty without such rows. For `cv`, before them: `num_candidates`;
        `out_of_fold`: by candidate, pooled over folds and by part, the same, but that the parts of
        candidates that are not kept have what `measure` gives; `folds`: by candidate, a list of
        what `measure` gives with their `fold`; `over_folds`: by candidate, their mean and spread;
        `chosen`: the candidate that was kept. Where classes are told apart also `classes`: their
        `names`, and by role what `measure_classes` says of the model that is kept, empty without
        such rows.
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
    """Measure a candidate that is not kept: only all parts together have intervals."""
    return {**measure_by_part(rows), "all": judge(rows, None, seed)}


def judge(scored: pl.DataFrame, decision: Decision | None, seed: int) -> Measures:
    """Measure one set of rows, with intervals, and as read by a decision.

    Args:
        scored: one row a view, of one model.
        decision: of that model; None for a model that is not kept.
        seed: of the resamples.

    Returns:
        What `measure` gives, `num_groups`, and for `view` (the same for `study`):
        `view_intervals`: by measure, `low`, `high` and `num_resamples`,
        or None with too few groups or where the measure is not defined; `view_brier`;
        `view_calibration_error`; with a decision also `view_calibrated_brier`,
        `view_calibrated_calibration_error` and `view_at_threshold`: `threshold`, the rates of
        answers at it, their `confusion` and `intervals`.
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
    """Return the intervals of all measures at each threshold; none with too few groups."""
    groups = rows["group"].to_numpy()
    if rows["group"].n_unique() < MIN_GROUPS:
        return [dict.fromkeys(("auroc", *RATES)) for _ in thresholds]
    resamples = resample(*to_arrays(rows), groups, thresholds, Draws(seed=seed))
    auroc = {"auroc": _describe(resamples.auroc)}
    return [auroc | {k: _describe(v) for k, v in rates.items()} for rates in resamples.rates]


def _describe(values: Floats) -> Measures | None:
    found = interval(values)
    return None if found is None else asdict(found)
