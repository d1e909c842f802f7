"""Outcome: what a finished run keeps beside its model, and what is said of it."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from shared.console import say
from shared.files import write_atomically
from trainer.decision import add_calibrated, decide, write_decision
from trainer.report.words import estimate, fine_percent, number
from trainer.results import kept_model
from trainer.run_folder import PREDICTIONS_FILE


def write_tables(
    folder: Path, config: Mapping[str, Any], history: pl.DataFrame, scored: pl.DataFrame
) -> None:
    """Write `config.json`, `history.parquet`, and what is decided on predictions beside them.

    Args:
        folder: the run's.
        config: as from `trainer.provenance.describe_run`.
        history: one row an epoch.
        scored: all predictions of the run. `predictions.parquet` gets `calibrated_probability`
            as well, and `decision.json` the temperatures and thresholds learnt on them.

    Raises:
        WriteError: a file cannot be written.
    """
    decision = decide(scored, kept_model(scored))
    waiting_share = {**_share_of_training(history), **_share_of_phases(config)}
    facts = {**config, "waiting_share": waiting_share}
    write_atomically(folder / "config.json", (json.dumps(facts, indent=2) + "\n").encode())
    write_decision(folder, decision)
    tables = {"history.parquet": history, PREDICTIONS_FILE: add_calibrated(scored, decision)}
    for name, table in tables.items():
        encoded = io.BytesIO()
        table.write_parquet(encoded)
        write_atomically(folder / name, encoded.getvalue())


def _share_of_training(history: pl.DataFrame) -> dict[str, float]:
    """Return which share of the time of steps was spent waiting for images, of all processes."""
    read = history.drop_nulls("train_s")
    if read.is_empty():
        return {}
    waiting_s, train_s = read.select(pl.sum("waiting_s", "train_s")).row(0)
    return {"train": waiting_s / train_s}


def _share_of_phases(config: Mapping[str, Any]) -> dict[str, float]:
    waiting_s = config["waiting_seconds"]
    return {name: waiting_s[name] / config["seconds"][name] for name in waiting_s}


def say_result(folder: Path) -> None:
    """Print a finished run's headline numbers and where its report is."""
    metrics = json.loads((folder / "metrics.json").read_text())
    for role in ("validation", "test"):
        if result := metrics[role].get("all"):
            say(
                f"{role}: {result['num_views']:,} views of {result['num_studies']:,} studies: "
                f"view AUROC {estimate(result, 'view', 'auroc')}, "
                f"study AUROC {estimate(result, 'study', 'auroc')}, "
                f"view accuracy {estimate(result, 'view', 'accuracy')} "
                f"(always the commoner label: {number(result['view_majority_accuracy'])}), "
                f"study kappa {estimate(result, 'study', 'kappa')}"
            )
    config = json.loads((folder / "config.json").read_text())
    for name, share in config["waiting_share"].items():
        say(f"{name}: {fine_percent(share)} of the time spent waiting for images")
    say(f"report: {folder / 'report.html'}")
