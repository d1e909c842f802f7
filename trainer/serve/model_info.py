"""Model description of the API."""

from dataclasses import asdict
from typing import Any

from trainer.evaluation.scored_table import LEVELS
from trainer.report.text.formatting import part_name
from trainer.runs.saved.saved_run import SavedRun

_KEYS = ("auroc", "accuracy", "recall", "specificity")


def describe_model(saved_run: SavedRun) -> dict[str, Any]:
    """Return the model's name, body parts, image spec, thresholds and results; no paths."""
    return {
        "run": saved_run.folder.name,
        "model": saved_run.decision.model,
        "body_parts": saved_run.body_parts,
        "image": saved_run.image.to_json(),
        "decision": {level: _describe_rule(saved_run, level) for level in LEVELS},
        "metrics": _describe_metrics(saved_run),
        "lake_digest": saved_run.config["lake"]["digest"],
        "code_digest": saved_run.config["code"]["digest"],
    }


def make_title(saved_run: SavedRun) -> str:
    """Return the heading of the page."""
    return f"{part_name(saved_run.body_parts)}: normal or abnormal?"


def _describe_rule(saved_run: SavedRun, level: str) -> dict[str, float]:
    rule = saved_run.decision.rule(level)
    return {**asdict(rule), "calibrated_threshold": rule.calibrated_threshold}


def _describe_metrics(saved_run: SavedRun) -> dict[str, Any]:
    role, by_part = saved_run.headline
    measures = by_part["all"]
    counts = {f"num_{unit}": measures[f"num_{unit}"] for unit in LEVELS.values()}
    levels = {level: {key: measures[f"{level}_{key}"] for key in _KEYS} for level in LEVELS}
    return {"set": role, **counts, **levels}
