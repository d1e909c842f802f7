"""Multi-class metrics by view and by study, with 95 % confidence intervals."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from shared.errors import TrainingError
from trainer.data.target import target_of
from trainer.evaluation.binary_metrics import Floats, Ints, divide, to_number
from trainer.evaluation.bootstrap import MIN_GROUPS, Draws, count_in_resamples
from trainer.evaluation.estimates import to_bounds
from trainer.evaluation.metrics import Measures
from trainer.evaluation.scored_table import CLASS_PROBABILITIES, LEVELS, SET_COLUMNS


def measure_classes(scored: pl.DataFrame, class_names: Sequence[str], seed: int) -> Measures:
    """Compute the metrics of the most probable classes, for views and for studies.

    Args:
        scored: of one model and role, with `class_probabilities`.
        class_names: as from `trainer.data.target.Target.class_names`.

    Returns:
        `num_views`; `view_accuracy`, `view_kappa` and `view_macro_f1` as from `class_rates`;
        `view_majority_accuracy`, the accuracy of always predicting the commonest class;
        `view_intervals` by metric (None with too few patients); `view_confusion`, a row per actual
        class; `view_classes`, one entry per class; and the same for studies. Undefined values are
        None.

    Raises:
        TrainingError: there are no rows.
    """
    if scored.is_empty():
        raise TrainingError("Expected predictions to measure. Received: num_views=0")
    measures: Measures = {}
    for level, rows, probabilities in _levels(scored, len(class_names)):
        actual, predicted = target_of(class_names).numbers(rows), probabilities.argmax(axis=1)
        cells = actual * len(class_names) + predicted
        confusion = _confusion(np.bincount(cells, minlength=len(class_names) ** 2))
        measures |= {
            f"num_{LEVELS[level]}": rows.height,
            f"{level}_majority_accuracy": float(confusion.sum(axis=1).max() / rows.height),
            **{f"{level}_{k}": to_number(v) for k, v in class_rates(confusion).items()},
            f"{level}_intervals": _bound(rows, cells, len(class_names), seed),
            f"{level}_confusion": confusion.astype(int).tolist(),
            f"{level}_classes": _measure_each(confusion, class_names),
        }
    return measures


def class_rates(confusion: Floats) -> dict[str, Floats]:
    """Return `accuracy`, `kappa` and `macro_f1`, each of shape (...); NaN where undefined.

    Args:
        confusion: (..., n, n), a row per actual class; counts may be fractional.
    """
    actual, predicted, correct = _margins(confusion)
    total, num_correct = actual.sum(axis=-1), correct.sum(axis=-1)
    by_chance = (actual * predicted).sum(axis=-1)
    # macro F1 is the mean over the classes present in the labels
    is_present = actual > 0
    f1 = divide(2 * correct, actual + predicted, 0) * is_present
    return {
        "accuracy": divide(num_correct, total),
        # Cohen's unweighted kappa (1960, Educ. Psychol. Meas. 20:37)
        "kappa": divide(total * num_correct - by_chance, total**2 - by_chance),
        "macro_f1": divide(f1.sum(axis=-1), is_present.sum(axis=-1)),
    }


def _margins(confusion: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the numbers of actual, predicted and correct rows of each class, (..., n) each."""
    correct = np.diagonal(confusion, axis1=-2, axis2=-1)
    return confusion.sum(axis=-1), confusion.sum(axis=-2), correct


def _measure_each(confusion: Floats, class_names: Sequence[str]) -> list[Measures]:
    actual, predicted, correct = _margins(confusion)
    each = {
        "recall": divide(correct, actual),
        "precision": divide(correct, predicted, 0),
        "f1": divide(2 * correct, actual + predicted, 0),
    }
    return [
        {"name": name, "support": int(actual[index])}
        | {key: to_number(values[index]) for key, values in each.items()}
        for index, name in enumerate(class_names)
    ]


def _levels(scored: pl.DataFrame, num_classes: int) -> Iterator[tuple[str, pl.DataFrame, Floats]]:
    """Yield each level with its rows and their probabilities (rows, n): of a study, the means."""
    keys = [*SET_COLUMNS, "study_id"]
    # the last bits of float sums depend on the order
    views = scored.sort([*keys, "view_id"]).with_row_index("first")
    probabilities = views[CLASS_PROBABILITIES].list.to_array(num_classes).to_numpy()
    yield "view", views, probabilities
    studies = views.group_by(keys, maintain_order=True).agg(
        pl.col("first", "body_part", "label", "group").first(), pl.len().alias("num_views")
    )
    sums = np.add.reduceat(probabilities, studies["first"].to_numpy(), axis=0)
    yield "study", studies, sums / studies["num_views"].to_numpy()[:, None]


def _confusion(counts: Ints | Floats) -> Floats:
    num_classes = math.isqrt(counts.shape[-1])
    return counts.reshape(*counts.shape[:-1], num_classes, num_classes).astype(np.float64)


def _bound(rows: pl.DataFrame, cells: Ints, num_classes: int, seed: int) -> Measures:
    groups = rows["group"].to_numpy()
    if rows["group"].n_unique() < MIN_GROUPS:
        return dict.fromkeys(("accuracy", "kappa", "macro_f1"))
    counts = count_in_resamples(groups, cells, num_classes**2, Draws(seed=seed))
    return {key: to_bounds(values) for key, values in class_rates(_confusion(counts)).items()}
