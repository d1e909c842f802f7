"""Writing of a run's configuration, history, predictions and decision thresholds."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from shared.storage.atomic import write_atomically
from trainer.evaluation.decisions.decision import DECISION_FILE, Decision
from trainer.evaluation.decisions.thresholds import add_calibrated
from trainer.runs.run_folder import CONFIG_FILE, HISTORY_FILE, PREDICTIONS_FILE


def write_tables(
    folder: Path,
    config: Mapping[str, Any],
    history: pl.DataFrame,
    scored: pl.DataFrame,
    decision: Decision,
) -> None:
    """Write `config.json`, `history.parquet`, and the files of `write_scored`.

    `scored` are all predictions of the run, from which the decision was learnt.
    """
    phases = config["waiting_seconds"].items()
    share_of_phases = {name: waiting_s / config["seconds"][name] for name, waiting_s in phases}
    waiting_share = {**_share_of_training(history), **share_of_phases}
    facts = {**config, "waiting_share": waiting_share}
    write_json(folder / CONFIG_FILE, facts)
    write_table(folder / HISTORY_FILE, history)
    write_scored(folder, scored, decision)


def write_scored(folder: Path, scored: pl.DataFrame, decision: Decision) -> None:
    """Write `predictions.parquet` with calibrated probabilities, and `decision.json`."""
    write_json(folder / DECISION_FILE, asdict(decision))
    write_table(folder / PREDICTIONS_FILE, add_calibrated(scored, decision))


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a table as Parquet, atomically."""
    encoded = io.BytesIO()
    table.write_parquet(encoded)
    write_atomically(path, encoded.getvalue())


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object as JSON, atomically."""
    # JSON has no NaN
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def _share_of_training(history: pl.DataFrame) -> dict[str, float]:
    read = history.drop_nulls("train_s")
    if read.is_empty():
        return {}
    waiting_s, train_s = read.select(pl.sum("waiting_s", "train_s")).row(0)
    return {"train": waiting_s / train_s}
