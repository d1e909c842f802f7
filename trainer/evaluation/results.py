"""The content of `metrics.json`: metrics of a run, or of `evaluate`, with intervals."""

from collections.abc import Iterator, Mapping, Sequence
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
from trainer.evaluation.metrics import ByPart, Measures, choose, measure, measure_by_part
from trainer.evaluation.multiclass import measure_classes
from trainer.evaluation.scored_table import CLASS_PROBABILITIES, ROLES, final_rows, levels


def selected_model(scored: pl.DataFrame) -> str:
    """Return the saved model of a run: the only one, the refitted one, or the best out of fold."""
    final = final_rows(scored)["model"].unique()
    if final.len() == 1:
        return final[0]
    out_of_fold = scored.filter(role="out_of_fold")
    return choose({model: measure(rows) for model, rows in by_model(out_of_fold).items()})


def compute_metrics(
    config: Mapping[str, Any], scored: pl.DataFrame, decision: Decision
) -> dict[str, Any]:
    """Return the content of `metrics.json`.

    Args:
        config: `config.json`; its `command`, `options.seed` and, for predictions with class
            probabilities, `classes` are read.

    Returns:
        `bootstrap`, `decision`; by body part, `validation` and `test`, empty without rows; with
        class probabilities `classes`, with corrected labels `as_published`, both by role. For `cv`
        also `num_candidates`, `chosen`, `nested` (empty for one candidate or one fold), and by
        candidate `out_of_fold`, `folds` and `over_folds`.
    """
    seed = config["options"]["seed"]
    metrics = {"bootstrap": _describe_bootstrap(seed), "decision": asdict(decision)}
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


def evaluate_set(
    scored: pl.DataFrame, decision: Decision, overlap: dict[str, int], seed: int
) -> dict[str, Any]:
    """Return the content of `metrics.json` of `evaluate`: a set that the run did not learn from.

    Args:
        overlap: as from `trainer.runs.saved.training_views.count_overlap`.

    Returns:
        `bootstrap`, `decision`, `overlap`; `evaluation`: results of `estimate` by body part;
        `calibration`: by level, results of `assess_calibration`, on all body parts.
    """
    # late, as prediction does not need it, and it imports scipy
    from trainer.evaluation.decisions.recalibration import NUM_FITS, assess_calibration

    return {
        "bootstrap": {**_describe_bootstrap(seed), "num_resamples_calibration": NUM_FITS},
        "decision": asdict(decision),
        "overlap": overlap,
        "evaluation": measure_by_part(scored, partial(estimate, decision=decision, seed=seed)),
        "calibration": {
            level: assess_calibration(rows, decision.rule(level), seed)
            for level, rows in levels(scored)
        },
    }


def metrics_by_role(metrics: Mapping[str, Any]) -> dict[str, ByPart]:
    """Return the saved model's metrics of each set with predictions, in the order of the report."""
    out_of_fold: ByPart = metrics.get("out_of_fold", {}).get(metrics["decision"]["model"], {})
    by_role: dict[str, ByPart] = {
        # first, because it covers the whole train split; a test may be a dozen studies
        "out_of_fold": out_of_fold,
        "test": metrics["test"],
        "validation": metrics["validation"],
    }
    return {role: by_part for role, by_part in by_role.items() if by_part}


def _measure_published(scored: pl.DataFrame, decision: Decision, seed: int) -> dict[str, Measures]:
    # for comparison with published results, which used the labels as published
    if PUBLISHED not in scored.columns or (scored["label"] == scored[PUBLISHED]).all():
        return {}
    sets = _split_by_role(scored.with_columns(label=pl.col(PUBLISHED)))
    return {role: estimate(rows, decision, seed) for role, rows in sets if rows.height}


def _split_by_role(scored: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    return ((role, scored.filter(role=role)) for role in ROLES)


def _describe_bootstrap(seed: int) -> dict[str, Any]:
    drawn = {"num_resamples": NUM_RESAMPLES, "of": "patient groups"}
    return {**drawn, "coverage": COVERAGE, "seed": seed}


def _measure_class_sets(names: Sequence[str], scored: pl.DataFrame, seed: int) -> Measures:
    by_role = {
        role: measure_classes(rows, names, seed) if rows.height else {}
        for role, rows in _split_by_role(scored)
    }
    return {"names": list(names), **by_role}


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
