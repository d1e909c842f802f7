"""Metrics of a scored table by view and by study; `binary_metrics` has the formulas."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from shared.errors import TrainingError
from shared.labels import order_parts
from trainer.evaluation.binary_metrics import Floats, Ints, confusion_cells, rates, to_number
from trainer.evaluation.roc import auroc, rank
from trainer.evaluation.scored_table import LEVELS, levels, to_arrays

# metrics of one set of rows: floats, ints and None; each key names views or studies
Measures = dict[str, Any]
# metrics of `all`, then of each body part present, in the order of `order_parts`
ByPart = dict[str, Measures]


def measure(scored: pl.DataFrame, threshold: float = 0.5) -> Measures:
    """Compute the metrics of one set of rows, by view and by study.

    Returns:
        `num_views`, `num_abnormal_views`, `view_auroc`, `view_majority_accuracy` (that of always
        predicting the commoner label), the results of `measure_rates` with the prefix `view_`, and
        the same for studies. Undefined metrics are None.

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
        at_threshold = measure_rates(labels, probabilities, threshold)
        measures |= {f"{level}_{key}": value for key, value in at_threshold.items()}
    return measures


def measure_auroc(labels: Ints, probabilities: Floats) -> float | None:
    """Return the AUROC, or None if a label is missing."""
    ranking = rank(labels, probabilities, np.zeros_like(labels))
    return to_number(auroc(ranking, np.ones((1, 1))))


def measure_rates(labels: Ints, probabilities: Floats, threshold: float) -> Measures:
    """Return the rates at a threshold, and `confusion`, [[tn, fp], [fn, tp]]."""
    counts = np.bincount(confusion_cells(labels, probabilities, threshold), minlength=4)
    measured = {key: to_number(value) for key, value in rates(counts.astype(float)).items()}
    return {**measured, "confusion": counts.reshape(2, 2).tolist()}


def measure_by_part(
    scored: pl.DataFrame, measure_rows: Callable[[pl.DataFrame], Measures] = measure
) -> ByPart:
    """Compute the metrics of all rows and of each body part present; empty without rows."""
    if scored.is_empty():
        return {}
    parts = order_parts(scored["body_part"])
    overall = measure_rows(scored)
    if len(parts) == 1:  # both have the same rows
        return {"all": overall, parts[0]: overall}
    return {"all": overall} | {part: measure_rows(scored.filter(body_part=part)) for part in parts}


def choose(pooled: Mapping[str, Measures]) -> str:
    """Return the candidate with the highest view AUROC, the first of equals.

    Raises:
        TrainingError: there are no candidates.
    """
    if not pooled:
        raise TrainingError("Expected candidates to choose from. Received: none")
    aurocs = {model: measures["view_auroc"] for model, measures in pooled.items()}
    return max(aurocs, key=lambda model: -1.0 if aurocs[model] is None else aurocs[model])
