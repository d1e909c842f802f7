"""The predictions of a run, `predictions.parquet`: schema and checks."""

import numpy as np
import polars as pl

from shared.errors import TrainingError
from shared.storage.parquet import read_table
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.decisions.thresholds import CALIBRATED
from trainer.evaluation.scored_table import (
    CLASS_PROBABILITIES,
    SCORED_SCHEMA,
    by_study,
    check_scored,
)

PREDICTIONS_SCHEMA = {**SCORED_SCHEMA, CALIBRATED: pl.Float64}
"""Columns of `predictions.parquet`; for a multi-class model also `class_probabilities`."""
# exponentials may differ in the last bits between machines
_TOLERANCE = 1e-6


def parse_predictions(encoded: bytes, num_classes: int, decision: Decision) -> pl.DataFrame:
    """Return the predictions in a `predictions.parquet`.

    Raises:
        TrainingError: there are no predictions, or a value is missing or out of range.
        ValueError: a column is missing or of another type, class probabilities are out of range, or
            the decision was not learnt on these predictions.
    """
    with_classes = {CLASS_PROBABILITIES: pl.List(pl.Float64)} if num_classes > 1 else {}
    scored = read_table(encoded, {**PREDICTIONS_SCHEMA, **with_classes})
    if scored.is_empty():
        raise TrainingError("Expected predictions of a model. Received: num_views=0")
    if num_classes == 1 and CLASS_PROBABILITIES in scored.columns:
        raise ValueError(f"Expected no column {CLASS_PROBABILITIES} for a binary model")
    check_scored(scored)
    if num_classes > 1:
        _check_classes(scored, num_classes)
    _check_decision(scored, decision)
    return scored


def _check_classes(scored: pl.DataFrame, num_classes: int) -> None:
    classes = pl.col(CLASS_PROBABILITIES)
    is_valid = pl.all_horizontal(
        classes.list.len() == num_classes,
        classes.list.eval(pl.element().is_between(0, 1).fill_null(False)).list.all(),
        (classes.list.sum() - 1).abs() <= _TOLERANCE,
        # abnormal classes have odd numbers
        (classes.list.gather_every(2, 1).list.sum() - pl.col("probability")).abs() <= _TOLERANCE,
    )
    invalid = scored.filter(~is_valid.fill_null(False)).select("view_id", CLASS_PROBABILITIES)
    if invalid.height:
        raise ValueError(
            f"Expected {num_classes} class probabilities that sum to 1. Received: "
            f"{invalid.height:,} other rows, the first {invalid.row(0, named=True)}"
        )


def _check_decision(scored: pl.DataFrame, decision: Decision) -> None:
    """Refuse a decision of other rows, or probabilities calibrated by another temperature."""
    own = scored.filter(model=decision.model)
    rows = own.filter(role=decision.learnt_on)
    counts = (rows.height, by_study(rows).height)
    if own.is_empty() or counts != (decision.num_views, decision.num_studies):
        raise ValueError(
            f"Expected the decision of {counts[0]} views of {counts[1]} studies of the model. "
            f"Received: {decision.num_views} views of {decision.num_studies} studies"
        )
    expected = calibrate(own["probability"].to_numpy(), decision.view.temperature)
    found = own[CALIBRATED].to_numpy()
    if not np.allclose(found, expected, rtol=0, atol=_TOLERANCE):
        raise ValueError("Expected probabilities calibrated by the decision's temperature")
