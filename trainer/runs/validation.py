"""Schemas and checks of the files of a run folder."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import polars as pl

from shared.errors import TrainingError
from shared.images.spec import ImageSpec
from shared.labels import BODY_PARTS, LABEL_NAMES
from shared.storage.json_text import parse_object
from shared.storage.parquet import read_table
from trainer.evaluation.calibration import calibrate
from trainer.evaluation.decision import Decision
from trainer.evaluation.scored_table import (
    CLASS_PROBABILITIES,
    SCORED_SCHEMA,
    by_study,
    check_scored,
)
from trainer.evaluation.thresholds import CALIBRATED
from trainer.runs.history import HISTORY_SCHEMA

PREDICTIONS_SCHEMA = {**SCORED_SCHEMA, CALIBRATED: pl.Float64}
"""Columns of `predictions.parquet`; for a multi-class model also `class_probabilities`."""
RUN_HISTORY_SCHEMA = {"model": pl.String, "fold": pl.Int64, **HISTORY_SCHEMA}
"""Columns of `history.parquet`."""
TRIALS_SCHEMA = {
    "number": pl.Int64,
    "score": pl.Float64,
    "seconds": pl.Float64,
    "state": pl.String,
}
"""Columns of `trials.parquet`, besides one column per setting."""

_CONFIG_TYPES = {"command": str, "options": dict, "classes": list, "lake": dict}
_LAKE_TYPES = {"path": str, "digest": str, "num_views": int, "image": dict}
_METRICS_TYPES = {"bootstrap": dict, "decision": dict, "validation": dict, "test": dict}
_CV_METRICS_TYPES = {"chosen": str, "out_of_fold": dict}
_TOLERANCE = 1e-6
"""Exponentials may differ in the last bits between machines."""


def parse_config(encoded: bytes) -> dict[str, Any]:
    """Return the configuration in a `config.json`.

    Raises:
        LakeError: the image spec is not one of a lake.
        ValueError: a key is missing, or its value is of another type.
    """
    config = parse_object(encoded)
    _check_types(config, _CONFIG_TYPES)
    _check_types(config["lake"], _LAKE_TYPES)
    if config["command"] not in ("train", "cv"):
        raise ValueError(f"Expected the command train or cv. Received: {config['command']!r}")
    num_outputs(config)
    ImageSpec.from_json(config["lake"]["image"])
    return config


def num_outputs(config: Mapping[str, Any]) -> int:
    """Return the number of outputs of a run's model: 1, or one per class.

    Raises:
        ValueError: the classes are not those of a `trainer.data.target.Target`.
    """
    classes: list[Any] = config["classes"]
    if classes == list(LABEL_NAMES):
        return 1
    parts = [part for part in BODY_PARTS if f"{part} {LABEL_NAMES[0]}" in classes]
    if len(parts) < 2 or classes != [f"{part} {label}" for part in parts for label in LABEL_NAMES]:
        raise ValueError(f"Expected classes of body parts and labels. Received: {classes!r}")
    return len(classes)


def parse_metrics(
    encoded: bytes, decision: Decision, command: str, scored: pl.DataFrame
) -> dict[str, Any]:
    """Return the metrics in a `metrics.json`.

    Raises:
        ValueError: they are not those of the run's decision and predictions.
    """
    metrics = parse_object(encoded)
    _check_types(metrics, {**_METRICS_TYPES, **(_CV_METRICS_TYPES if command == "cv" else {})})
    if metrics["decision"] != asdict(decision):
        raise ValueError("Expected the decision of decision.json in metrics.json")
    all_of = {
        "out_of_fold": ("out_of_fold", decision.model, "all"),
        "test": ("test", "all"),
        "validation": ("validation", "all"),
    }
    for role, path in all_of.items():
        labels = scored.filter(model=decision.model, role=role)["label"]
        found = [_look_up(metrics, *path, key) for key in ("num_views", "num_abnormal_views")]
        expected = [labels.len(), int(labels.sum())] if labels.len() else [None, None]
        if found != expected:
            raise ValueError(f"Expected metrics of {expected} {role} views. Received: {found}")
    return metrics


def parse_predictions(encoded: bytes, num_classes: int, decision: Decision) -> pl.DataFrame:
    """Return the predictions in a `predictions.parquet`.

    Args:
        encoded: content of the file.
        num_classes: number of classes of the model; 1 for normal and abnormal.
        decision: decision of the run.

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
    is_right = pl.all_horizontal(
        classes.list.len() == num_classes,
        classes.list.eval(pl.element().is_between(0, 1).fill_null(False)).list.all(),
        (classes.list.sum() - 1).abs() <= _TOLERANCE,
        # abnormal classes have odd numbers
        (classes.list.gather_every(2, 1).list.sum() - pl.col("probability")).abs() <= _TOLERANCE,
    )
    wrong = scored.filter(~is_right.fill_null(False)).select("view_id", CLASS_PROBABILITIES)
    if wrong.height:
        raise ValueError(
            f"Expected {num_classes} class probabilities that sum to 1. Received: {wrong.height:,} "
            f"other rows, the first {wrong.row(0, named=True)}"
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


def _look_up(facts: Any, *keys: str) -> Any:
    for key in keys:
        facts = cast("dict[str, Any]", facts).get(key) if isinstance(facts, dict) else None
    return facts


def _check_types(facts: Any, expected: Mapping[str, type]) -> None:
    facts = cast("dict[str, Any]", facts)
    for name, kind in expected.items():
        # bool is an int to isinstance
        if type(facts.get(name)) is not kind:
            raise ValueError(f"Expected {name} of {kind.__name__}. Received: {facts.get(name)!r}")
