"""Configuration, metrics, history and trials of a run: schemas and checks."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import polars as pl

from shared.images.spec import ImageSpec
from shared.labels import LABEL_NAMES, is_part, order_parts
from shared.storage.json_text import parse_object
from trainer.evaluation.decisions.decision import Decision
from trainer.runs.history import HISTORY_SCHEMA

RUN_HISTORY_SCHEMA = {"model": pl.String, "fold": pl.Int64, **HISTORY_SCHEMA}
# besides one column per setting
TRIALS_SCHEMA = {"number": pl.Int64, "score": pl.Float64, "seconds": pl.Float64, "state": pl.String}

_CONFIG_TYPES = {"command": str, "options": dict, "classes": list, "lake": dict}
_LAKE_TYPES = {"path": str, "digest": str, "num_views": int, "image": dict}
_METRICS_TYPES = {"bootstrap": dict, "decision": dict, "validation": dict, "test": dict}
_CV_METRICS_TYPES = {"chosen": str, "out_of_fold": dict}


def parse_config(encoded: bytes) -> dict[str, Any]:
    """Return the configuration in a `config.json`.

    Raises:
        LakeError: the image spec is not one of a lake.
        ValueError: a key is missing, or its value is of another type.
    """
    config = parse_object(encoded)
    check_types(config, _CONFIG_TYPES)
    check_types(config["lake"], _LAKE_TYPES)
    if config["command"] not in ("train", "cv"):
        raise ValueError(f"Expected the command train or cv. Received: {config['command']!r}")
    num_outputs(config)
    ImageSpec.from_json(config["lake"]["image"])
    return config


def num_outputs(config: Mapping[str, Any]) -> int:
    """Return the outputs of a run's model, 1 or one per class, or raise ValueError."""
    classes: list[Any] = config["classes"]
    if classes == list(LABEL_NAMES):
        return 1
    parts = order_parts(str(name).rpartition(" ")[0] for name in classes)
    expected = [f"{part} {label}" for part in parts for label in LABEL_NAMES]
    if len(parts) < 2 or not all(map(is_part, parts)) or classes != expected:
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
    check_types(metrics, {**_METRICS_TYPES, **(_CV_METRICS_TYPES if command == "cv" else {})})
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


def _look_up(facts: Any, *keys: str) -> Any:
    for key in keys:
        facts = cast("dict[str, Any]", facts).get(key) if isinstance(facts, dict) else None
    return facts


def check_types(facts: Any, expected: Mapping[str, type]) -> None:
    """Raise ValueError unless an object has these keys, with values of these types."""
    facts = cast("dict[str, Any]", facts)
    for name, kind in expected.items():
        # bool is an int to isinstance
        if type(facts.get(name)) is not kind:
            raise ValueError(f"Expected {name} of {kind.__name__}. Received: {facts.get(name)!r}")
