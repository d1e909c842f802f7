"""Metrics by view and by study, all from one table: predictions joined to the manifest.

A *scored* table has one row a view: `view_id`, `model`, `fold` (null where there is none), `role`
(validation, out_of_fold, test), `probability` (of abnormal), `study_id`, `body_part`, `label`,
`group`. Model, fold and role name a set of rows; nothing relies on the order of rows.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from sklearn import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    metrics as sklearn_metrics,
)

from shared.errors import TrainingError
from shared.vocabulary import BODY_PARTS

Measures = dict[str, Any]
"""Flat measures of one set of rows: floats, ints and None under keys that say their level."""
ByPart = dict[str, Measures]
"""Measures of `all` and of each body part present, in the vocabulary's order."""

sk: Any = sklearn_metrics  # untyped: pyright would take its default arguments for its types

SET_COLUMNS = ("model", "fold", "role")
TRUTH_COLUMNS = ("study_id", "body_part", "label", "group")
LEVELS = {"view": "views", "study": "studies"}


def score(predictions: pl.DataFrame, manifest: pl.DataFrame) -> pl.DataFrame:
    """Join predictions to what the manifest knows of their views.

    Args:
        predictions: `view_id`, `model`, `fold`, `role` and `probability`, 0 to 1.
        manifest: columns as in `shared.manifest.SCHEMA`.

    Returns:
        A scored table in the order of `predictions`.

    Raises:
        TrainingError: a view is not in the manifest or twice in one set, or a probability is none.
    """
    columns = ("view_id", *SET_COLUMNS, "probability")
    rows = predictions.select(columns).cast({"fold": pl.Int64, "probability": pl.Float64})
    _refuse(rows.join(manifest, on="view_id", how="anti"), "predictions of views in the manifest")
    _refuse(
        rows.filter(pl.struct("view_id", *SET_COLUMNS).is_duplicated()),
        "one prediction for each view of a model, fold and role",
    )
    # a model that diverged answers NaN, which compares as larger than any number
    is_probability = pl.col("probability").is_between(0, 1).fill_null(False)
    _refuse(rows.filter(~is_probability), "probabilities from 0 to 1")
    truth = manifest.select("view_id", *TRUTH_COLUMNS)
    return rows.join(truth, on="view_id", how="inner", maintain_order="left")


def _refuse(wrong: pl.DataFrame, expected: str) -> None:
    if wrong.height:
        first = ", ".join(f"{key}={value}" for key, value in wrong.row(0, named=True).items())
        raise TrainingError(f"Expected {expected}. Received: {wrong.height} others, as {first}")


def by_study(scored: pl.DataFrame) -> pl.DataFrame:
    """Return one row a study, model, fold and role: the mean probability of its views.

    The mean of the views' probabilities is how MURA's authors score a study (Rajpurkar et al. 2017,
    arXiv:1712.06957, section 3).

    Args:
        scored: one row a view.

    Returns:
        `model`, `fold`, `role`, `study_id`, `body_part`, `label`, `group`, `num_views` and
        `probability` (Float64), sorted by the first four.
    """
    keys = [*SET_COLUMNS, "study_id"]
    # sums of floats depend on their order in the last bits
    in_order = scored.sort([*keys, "view_id"])
    return in_order.group_by(keys, maintain_order=True).agg(
        pl.col("body_part", "label", "group").first(),
        pl.len().alias("num_views"),
        pl.col("probability").mean(),
    )


def measure(scored: pl.DataFrame, threshold: float = 0.5) -> Measures:
    """Measure one set of rows by view and by study.

    `*_majority_accuracy` is what always answering the commoner label would score. `*_confusion` is
    [[tn, fp], [fn, tp]]. What is not defined is None: AUROC, recall or specificity where a label is
    missing, kappa where truth and answers are one label. Precision without a positive answer is 0.

    Args:
        scored: one row a view, of one model.
        threshold: a probability of at least this is answered with abnormal.

    Returns:
        `num_views`, `num_abnormal_views`, `view_accuracy`, `view_majority_accuracy`,
        `view_precision`, `view_recall`, `view_specificity`, `view_f1`, `view_kappa`, `view_auroc`,
        `view_confusion`, and the same for studies; plain ints, floats and None.

    Raises:
        TrainingError: there are no rows.
    """
    if scored.is_empty():
        raise TrainingError("Expected predictions to measure. Received: num_views=0")
    views = _measure_level("view", scored.sort("view_id"), threshold)
    return views | _measure_level("study", by_study(scored), threshold)


def _measure_level(level: str, rows: pl.DataFrame, threshold: float) -> Measures:
    labels, probabilities = rows["label"].to_numpy(), rows["probability"].to_numpy()
    answers = (probabilities >= threshold).astype(labels.dtype)
    abnormal_share = float(labels.mean())
    both_labels = 0 < abnormal_share < 1
    differ = np.unique(np.concatenate((labels, answers))).size > 1
    recalls = sk.recall_score(labels, answers, labels=[0, 1], average=None, zero_division=0)
    measures = {
        "accuracy": sk.accuracy_score(labels, answers),
        "majority_accuracy": max(abnormal_share, 1 - abnormal_share),
        "precision": sk.precision_score(labels, answers, zero_division=0),
        "recall": recalls[1] if abnormal_share > 0 else None,
        "specificity": recalls[0] if abnormal_share < 1 else None,
        "f1": sk.f1_score(labels, answers, zero_division=0),
        "kappa": sk.cohen_kappa_score(labels, answers, labels=[0, 1]) if differ else None,
        "auroc": sk.roc_auc_score(labels, probabilities) if both_labels else None,
    }
    plain = {f"{level}_{key}": _plain(value) for key, value in measures.items()}
    confusion = sk.confusion_matrix(labels, answers, labels=[0, 1]).tolist()
    counts = {f"num_{LEVELS[level]}": rows.height}
    counts[f"num_abnormal_{LEVELS[level]}"] = int(labels.sum())
    return counts | plain | {f"{level}_confusion": confusion}


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)


def measure_by_part(scored: pl.DataFrame) -> ByPart:
    """Measure all rows, and those of each body part present.

    Returns:
        `all` first, then body parts; empty if there are no rows.
    """
    if scored.is_empty():
        return {}
    present = set(scored["body_part"])
    parts = [part for part in BODY_PARTS if part in present]
    return {"all": measure(scored)} | {
        part: measure(scored.filter(pl.col("body_part") == part)) for part in parts
    }


def choose(out_of_fold: Mapping[str, ByPart]) -> str:
    """Return the candidate with the highest pooled out-of-fold view AUROC, the first of equals.

    Args:
        out_of_fold: by model, what `measure_by_part` says of its predictions out of fold.

    Raises:
        TrainingError: there are no candidates.
    """
    if not out_of_fold:
        raise TrainingError("Expected candidates to choose from. Received: none")
    aurocs = {model: by_part["all"]["view_auroc"] for model, by_part in out_of_fold.items()}
    return max(aurocs, key=lambda model: -1.0 if aurocs[model] is None else aurocs[model])


def compute_metrics(config: Mapping[str, Any], scored: pl.DataFrame) -> dict[str, Any]:
    """Return everything that `metrics.json` holds.

    Args:
        config: of the run; only `command` is read, `train` or `cv`.
        scored: all predictions of the run.

    Returns:
        `validation` and `test`: measures by part, empty without such rows. For `cv`, before them:
        `out_of_fold`: by model, pooled over folds and by part; `folds`: by model, a list of flat
        measures with their `fold`; `chosen`: the model that was fitted again on all of train.
    """
    final = scored.filter(pl.col("fold").is_null())
    roles = {role: final.filter(pl.col("role") == role) for role in ("validation", "test")}
    by_role = {role: measure_by_part(rows) for role, rows in roles.items()}
    if config["command"] != "cv":
        return by_role
    rows = scored.filter(pl.col("role") == "out_of_fold")
    models = rows["model"].unique(maintain_order=True)
    by_model = {model: rows.filter(model=model) for model in models}
    out_of_fold = {model: measure_by_part(table) for model, table in by_model.items()}
    refitted = final["model"].unique().to_list()
    return {
        "out_of_fold": out_of_fold,
        "folds": {model: _measure_folds(table) for model, table in by_model.items()},
        "chosen": refitted[0] if len(refitted) == 1 else choose(out_of_fold),
        **by_role,
    }


def _measure_folds(rows: pl.DataFrame) -> list[Measures]:
    return [
        {"fold": fold, **measure(rows.filter(fold=fold))} for fold in sorted(rows["fold"].unique())
    ]
