"""The content of `metrics.json`: a run's metrics and their confidence intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import polars as pl

from shared.lake.manifest import PUBLISHED
from trainer.evaluation.bootstrap import COVERAGE, NUM_RESAMPLES
from trainer.evaluation.comparing.comparison import (
    by_model,
    choose_nested,
    measure_folds,
    summarize,
)
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.estimates import estimate
from trainer.evaluation.metrics import ByPart, Measures, choose, measure_by_part
from trainer.evaluation.multiclass import measure_classes
from trainer.evaluation.scored_table import CLASS_PROBABILITIES, ROLES, final_rows


def selected_model(scored: pl.DataFrame) -> str:
    """Return the saved model of a run: the only one, the refitted one, or the best out of fold."""
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
        config: `config.json`; its `command`, `options.seed` and, for predictions with class
            probabilities, `classes` are read.

    Returns:
        `bootstrap`: method of the intervals.
        `decision`: temperatures and thresholds.
        `classes`, for predictions with class probabilities: `names`, and by role the results of
        `measure_classes` for the saved model, empty without rows.
        `as_published`, if labels were corrected: by role, results of `estimate` for the saved model
        by the labels as published.
        `validation` and `test`: results of `estimate` by body part, empty without rows.
        For `cv` also:
        `num_candidates`;
        `nested`: results of `estimate` for the nested choice, empty for one candidate or one fold;
        `out_of_fold`: by candidate and body part, results of `estimate` pooled over folds; for
        candidates that were not chosen, single body parts have results of `measure`;
        `folds`: by candidate, a list of results of `measure`, each with its `fold`;
        `over_folds`: by candidate, mean and spread of `folds`;
        `chosen`: the best candidate.
    """
    seed = config["options"]["seed"]
    metrics = {"bootstrap": describe_bootstrap(seed), "decision": asdict(decision)}
    if CLASS_PROBABILITIES in scored.columns:
        own = scored.filter(model=decision.model)
        metrics["classes"] = _measure_class_sets(config["classes"], own, seed)
    if published := _measure_published(scored.filter(model=decision.model), decision, seed):
        metrics["as_published"] = published
    if config["command"] == "cv":
        metrics |= _compare_candidates(scored.filter(role="out_of_fold"), decision, seed)
    for role in ("validation", "test"):
        rows = scored.filter(role=role)
        metrics[role] = measure_by_part(rows, partial(estimate, decision=decision, seed=seed))
    return metrics


def metrics_by_role(metrics: Mapping[str, Any]) -> dict[str, ByPart]:
    """Return the saved model's metrics of each set with predictions, in the order of the report.

    Pooled out-of-fold predictions cover the whole train split, so they come before a test that may
    be a dozen studies.
    """
    out_of_fold: ByPart = metrics.get("out_of_fold", {}).get(metrics["decision"]["model"], {})
    by_role: dict[str, ByPart] = {
        "out_of_fold": out_of_fold,
        "test": metrics["test"],
        "validation": metrics["validation"],
    }
    return {role: by_part for role, by_part in by_role.items() if by_part}


def _measure_published(scored: pl.DataFrame, decision: Decision, seed: int) -> dict[str, Measures]:
    """Return metrics by the labels as published, by role; empty if no label was corrected."""
    if PUBLISHED not in scored.columns or (scored["label"] == scored[PUBLISHED]).all():
        return {}
    rows = scored.with_columns(label=pl.col(PUBLISHED))
    sets = {role: rows.filter(role=role) for role in ROLES}
    return {role: estimate(of, decision, seed) for role, of in sets.items() if of.height}


def describe_bootstrap(seed: int) -> dict[str, Any]:
    """Return the method of the intervals for `metrics.json`."""
    return {
        "num_resamples": NUM_RESAMPLES,
        "of": "patient groups",
        "coverage": COVERAGE,
        "seed": seed,
    }


def _measure_class_sets(names: Sequence[str], scored: pl.DataFrame, seed: int) -> Measures:
    sets = {role: scored.filter(role=role) for role in ROLES}
    return {
        "names": list(names),
        **{
            role: measure_classes(rows, names, seed) if rows.height else {}
            for role, rows in sets.items()
        },
    }


def _compare_candidates(out_of_fold: pl.DataFrame, decision: Decision, seed: int) -> dict[str, Any]:
    candidates = by_model(out_of_fold)
    folds = {model: measure_folds(rows) for model, rows in candidates.items()}
    can_choose = len(candidates) > 1 and out_of_fold["fold"].n_unique() > 1
    nested = choose_nested(out_of_fold) if can_choose else None
    return {
        "num_candidates": len(candidates),
        "nested": {} if nested is None else estimate(nested, None, seed),
        "out_of_fold": {
            model: measure_by_part(rows, partial(estimate, decision=decision, seed=seed))
            if model == decision.model
            # of other candidates, only `all` has intervals
            else {**measure_by_part(rows), "all": estimate(rows, None, seed)}
            for model, rows in candidates.items()
        },
        "folds": folds,
        "over_folds": {model: summarize(measures) for model, measures in folds.items()},
        "chosen": decision.model,
    }
