"""Run facts: `config.json`, `metrics.json` and `predictions.parquet` of a run, checked as read."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import polars as pl

from shared.labels import BODY_PARTS, LABEL_NAMES
from shared.storage.parquet import read_table
from trainer.evaluation.calibration import calibrate
from trainer.evaluation.metrics import (
    CLASS_PROBABILITIES,
    SET_COLUMNS,
    TRUTH_COLUMNS,
    by_study,
    final_rows,
)
from trainer.evaluation.thresholds import CALIBRATED, Decision

ROLES = ("test", "out_of_fold", "validation")
"""Sets of predictions, the most independent of the final model first."""
SCORED_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "view_id": pl.String,
    "model": pl.String,
    "fold": pl.Int64,
    "role": pl.String,
    "probability": pl.Float64,
    "study_id": pl.String,
    "body_part": pl.String,
    "label": pl.Int64,
    "group": pl.Int64,
    CALIBRATED: pl.Float64,
}
"""Columns of `predictions.parquet`; with classes also `class_probabilities`."""

_CONFIG_TYPES = {"command": str, "options": dict, "classes": list, "lake": dict}
_METRICS_TYPES = {"bootstrap": dict, "decision": dict, "validation": dict, "test": dict}
_TOLERANCE = 1e-6
"""Exponentials may differ in the last bits between machines."""


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse a configuration without what answering and showing a run needs.

    Raises:
        ValueError: a key is missing, or its value is of another type or kind.
    """
    _check_types(config, _CONFIG_TYPES)
    _check_types(config["lake"], {"path": str, "digest": str, "num_views": int, "image": dict})
    if config["command"] not in ("train", "cv"):
        raise ValueError(f"Expected the command train or cv. Received: {config['command']!r}")
    num_outputs(config)


def num_outputs(config: Mapping[str, Any]) -> int:
    """Return how many outputs a run's model has, by the classes that it tells apart.

    Raises:
        ValueError: these are no classes of a `trainer.data.target.Target`.
    """
    classes: list[Any] = config["classes"]
    if classes == list(LABEL_NAMES):
        return 1
    parts = [part for part in BODY_PARTS if f"{part} {LABEL_NAMES[0]}" in classes]
    if len(parts) < 2 or classes != [f"{part} {label}" for part in parts for label in LABEL_NAMES]:
        raise ValueError(f"Expected classes of body parts and labels. Received: {classes!r}")
    return len(classes)


def check_metrics(
    metrics: Mapping[str, Any], decision: Decision, command: str, scored: pl.DataFrame
) -> None:
    """Refuse measures that are not those of a run's decision and predictions.

    Raises:
        ValueError: they are not.
    """
    more = {"chosen": str, "out_of_fold": dict} if command == "cv" else {}
    _check_types(metrics, {**_METRICS_TYPES, **more})
    if metrics["decision"] != asdict(decision):
        raise ValueError("Expected the decision of decision.json in metrics.json")
    final = final_rows(scored)
    for role in ("validation", "test"):
        labels = final.filter(role=role)["label"]
        found = [
            metrics[role].get("all", {}).get(key) for key in ("num_views", "num_abnormal_views")
        ]
        expected = [labels.len(), int(labels.sum())] if labels.len() else [None, None]
        if found != expected:
            raise ValueError(f"Expected measures of {expected} {role} views. Received: {found}")


def read_predictions(encoded: bytes, num_classes: int, decision: Decision) -> pl.DataFrame:
    """Read the predictions of a run.

    Args:
        encoded: `predictions.parquet`.
        num_classes: that the model tells apart; 1 if it only tells abnormal from normal.
        decision: of the run.

    Raises:
        ValueError: a column is missing or of another type, a value is out of range, or the
            decision was not learnt on them.
    """
    with_classes = {CLASS_PROBABILITIES: pl.List(pl.Float64)} if num_classes > 1 else {}
    scored = read_table(encoded, {**SCORED_SCHEMA, **with_classes})
    if num_classes == 1 and CLASS_PROBABILITIES in scored.columns:
        raise ValueError("Expected no probabilities of classes")
    check_scored(scored)
    if num_classes > 1:
        _check_classes(scored, num_classes)
    _check_decision(scored, decision)
    return scored


def check_scored(scored: pl.DataFrame) -> None:
    """Refuse a scored table with nulls, values out of range, or two rows of one view in a set.

    Raises:
        ValueError: it has some.
    """
    columns = ("view_id", *SET_COLUMNS, "probability", *TRUTH_COLUMNS)
    is_out_of_fold = pl.col("role") == "out_of_fold"
    is_right = pl.all_horizontal(
        pl.all_horizontal(pl.col(name).is_not_null() for name in columns if name != "fold"),
        # NaN compares as larger than any number
        pl.col("probability").is_between(0, 1),
        pl.col("label").is_in((0, 1)),
        pl.col("role").is_in(ROLES),
        pl.col("body_part").is_in(BODY_PARTS),
        pl.when(is_out_of_fold).then(pl.col("fold") >= 0).otherwise(pl.col("fold").is_null()),
        ~pl.struct("view_id", *SET_COLUMNS).is_duplicated(),
        pl.struct(TRUTH_COLUMNS).n_unique().over("view_id") == 1,
    )
    _refuse(scored.filter(~is_right.fill_null(False)).select(columns))


def _check_classes(scored: pl.DataFrame, num_classes: int) -> None:
    classes = pl.col(CLASS_PROBABILITIES)
    is_right = pl.all_horizontal(
        classes.list.len() == num_classes,
        classes.list.eval(pl.element().is_between(0, 1).fill_null(False)).list.all(),
        (classes.list.sum() - 1).abs() <= _TOLERANCE,
        # abnormal classes have odd numbers
        (classes.list.gather_every(2, 1).list.sum() - pl.col("probability")).abs() <= _TOLERANCE,
    )
    _refuse(scored.filter(~is_right.fill_null(False)).select("view_id", CLASS_PROBABILITIES))


def _check_decision(scored: pl.DataFrame, decision: Decision) -> None:
    """Refuse a decision of other rows, or calibrated probabilities that are not by it."""
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


def _check_types(facts: Any, expected: Mapping[str, type]) -> None:
    facts = cast("dict[str, Any]", facts)
    for name, kind in expected.items():
        # bool is an int to isinstance
        if type(facts.get(name)) is not kind:
            raise ValueError(f"Expected {name} of {kind.__name__}. Received: {facts.get(name)!r}")


def _refuse(wrong: pl.DataFrame) -> None:
    if wrong.height:
        raise ValueError(
            f"Expected predictions of views, each once in a set. Received: {wrong.height:,} other "
            f"rows, such as {wrong.row(0, named=True)}"
        )
