"""Metrics by view and by study, computed from a scored table.

A *scored* table is a table of predictions joined to the manifest, one row per view of a set:
`view_id`, `model`, `fold` (null without folds), `role` (validation, out_of_fold, test),
`probability` (of abnormal), `study_id`, `body_part`, `label`, `group`; for a model with classes
also `class_probabilities` (a list). Model, fold and role identify a set. The order of rows is
arbitrary.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from shared.errors import TrainingError
from shared.labels import BODY_PARTS
from trainer.evaluation.binary_metrics import Floats, Ints, answer, auroc, rank, rates, to_number

Measures = dict[str, Any]
"""Metrics of one set of rows: floats, ints and None; each key names views or studies."""
ByPart = dict[str, Measures]
"""Metrics of `all` and of each body part present, in the order of `BODY_PARTS`."""

SET_COLUMNS = ("model", "fold", "role")
TRUTH_COLUMNS = ("study_id", "body_part", "label", "group")
CLASS_PROBABILITIES = "class_probabilities"
LEVELS = {"view": "views", "study": "studies"}


def score(predictions: pl.DataFrame, manifest: pl.DataFrame) -> pl.DataFrame:
    """Join predictions to the manifest.

    Args:
        predictions: `view_id`, `model`, `fold`, `role`, `probability` (0 to 1), and optionally
            `class_probabilities`.
        manifest: columns as in `shared.lake.manifest.SCHEMA`.

    Returns:
        A scored table in the order of `predictions`.

    Raises:
        TrainingError: a view is missing in the manifest or occurs twice in a set, or a probability
            is out of range.
    """
    columns = ("view_id", *SET_COLUMNS, "probability")
    more = [name for name in (CLASS_PROBABILITIES,) if name in predictions.columns]
    rows = predictions.select(*columns, *more)
    rows = rows.cast({"fold": pl.Int64, "probability": pl.Float64})
    _refuse(rows.join(manifest, on="view_id", how="anti"), "predictions of views in the manifest")
    _refuse(
        rows.filter(pl.struct("view_id", *SET_COLUMNS).is_duplicated()),
        "one prediction for each view of a model, fold and role",
    )
    # a diverged model outputs NaN, which polars orders above all numbers
    is_probability = pl.col("probability").is_between(0, 1).fill_null(False)
    _refuse(rows.filter(~is_probability), "probabilities from 0 to 1")
    truth = manifest.select("view_id", *TRUTH_COLUMNS)
    joined = rows.join(truth, on="view_id", how="inner", maintain_order="left")
    return joined.select(*columns, *TRUTH_COLUMNS, *more)


def _refuse(wrong: pl.DataFrame, expected: str) -> None:
    if wrong.height:
        first = ", ".join(f"{key}={value}" for key, value in wrong.row(0, named=True).items())
        raise TrainingError(f"Expected {expected}. Received: {wrong.height} others, as {first}")


def by_study(scored: pl.DataFrame) -> pl.DataFrame:
    """Return one row per study, model, fold and role, with the mean probability of its views.

    MURA's authors score a study by this mean (Rajpurkar et al. 2017, arXiv:1712.06957, section 3).

    Args:
        scored: one row per view.

    Returns:
        `model`, `fold`, `role`, `study_id`, `body_part`, `label`, `group`, `num_views` and
        `probability` (Float64), sorted by the first four.
    """
    keys = [*SET_COLUMNS, "study_id"]
    # the last bits of float sums depend on the order
    in_order = scored.sort([*keys, "view_id"])
    return in_order.group_by(keys, maintain_order=True).agg(
        pl.col("body_part", "label", "group").first(),
        pl.len().alias("num_views"),
        pl.col("probability").mean(),
    )


def measure(scored: pl.DataFrame, threshold: float = 0.5) -> Measures:
    """Compute the metrics of one set of rows, by view and by study.

    `*_majority_accuracy` is the accuracy of always predicting the commoner label. `*_confusion` is
    [[tn, fp], [fn, tp]]. Undefined metrics (see `binary_metrics.rates`) are None.

    Args:
        scored: one row per view, of one model.
        threshold: probabilities at or above it are predicted abnormal.

    Returns:
        `num_views`, `num_abnormal_views`, `view_accuracy`, `view_majority_accuracy`,
        `view_precision`, `view_recall`, `view_specificity`, `view_f1`, `view_kappa`, `view_auroc`,
        `view_confusion`, and the same for studies.

    Raises:
        TrainingError: there are no rows.
    """
    if scored.is_empty():
        raise TrainingError("Expected predictions to measure. Received: num_views=0")
    measures: Measures = {}
    for level, rows in levels(scored):
        labels, probabilities = to_arrays(rows)
        abnormal_share = float(labels.mean())
        measures |= {
            f"num_{LEVELS[level]}": rows.height,
            f"num_abnormal_{LEVELS[level]}": int(labels.sum()),
            f"{level}_majority_accuracy": max(abnormal_share, 1 - abnormal_share),
            f"{level}_auroc": measure_auroc(labels, probabilities),
        }
        answers = measure_answers(labels, probabilities, threshold)
        measures |= {f"{level}_{key}": value for key, value in answers.items()}
    return measures


def levels(scored: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield `view` and `study`, each with its rows, sorted by id."""
    yield "view", scored.sort("view_id")
    yield "study", by_study(scored)


def to_arrays(rows: pl.DataFrame) -> tuple[Ints, Floats]:
    """Return the labels and the probabilities of rows."""
    return rows["label"].to_numpy(), rows["probability"].to_numpy()


def final_rows(scored: pl.DataFrame) -> pl.DataFrame:
    """Return the predictions of the models that were not fitted to a fold only."""
    return scored.filter(pl.col("fold").is_null())


def rows_of_role(scored: pl.DataFrame, role: str) -> pl.DataFrame:
    """Return the predictions of a set: those of the final model, except out of fold."""
    is_of_fold = pl.col("fold").is_not_null()
    return scored.filter(is_of_fold == (role == "out_of_fold"), role=role)


def measure_auroc(labels: Ints, probabilities: Floats) -> float | None:
    """Return the AUROC, or None if a label is missing."""
    ranking = rank(labels, probabilities, np.zeros_like(labels))
    return to_number(auroc(ranking, np.ones((1, 1))))


def measure_answers(labels: Ints, probabilities: Floats, threshold: float) -> Measures:
    """Return the rates at a threshold, and `confusion`, [[tn, fp], [fn, tp]]."""
    counts = np.bincount(answer(labels, probabilities, threshold), minlength=4)
    measures: Measures = {
        key: to_number(value) for key, value in rates(counts.astype(float)).items()
    }
    return measures | {"confusion": counts.reshape(2, 2).tolist()}


def measure_by_part(
    scored: pl.DataFrame, measure_rows: Callable[[pl.DataFrame], Measures] = measure
) -> ByPart:
    """Compute the metrics of all rows and of each body part present.

    Args:
        scored: one row per view, of one model.
        measure_rows: function that computes the metrics.

    Returns:
        `all` first, then body parts; empty if there are no rows.
    """
    if scored.is_empty():
        return {}
    present = set(scored["body_part"])
    parts = [part for part in BODY_PARTS if part in present]
    whole = measure_rows(scored)
    if len(parts) == 1:  # both have the same rows
        return {"all": whole, parts[0]: whole}
    return {"all": whole} | {
        part: measure_rows(scored.filter(pl.col("body_part") == part)) for part in parts
    }


def choose(out_of_fold: Mapping[str, ByPart]) -> str:
    """Return the candidate with the highest pooled out-of-fold view AUROC, the first of equals.

    Args:
        out_of_fold: by model, metrics of its out-of-fold predictions, as from `measure_by_part`.

    Raises:
        TrainingError: there are no candidates.
    """
    if not out_of_fold:
        raise TrainingError("Expected candidates to choose from. Received: none")
    aurocs = {model: by_part["all"]["view_auroc"] for model, by_part in out_of_fold.items()}
    return max(aurocs, key=lambda model: -1.0 if aurocs[model] is None else aurocs[model])
