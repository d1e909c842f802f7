"""The trials of a search, saved after each one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from shared.storage.parquet import read_table
from shared.storage.sealed import read_sealed, sealed_file
from trainer.runs.results_writer import write_table
from trainer.runs.run_folder import TRIALS_FILE
from trainer.runs.saved.validation import TRIALS_SCHEMA

# the value of each setting, by option name
Settings = dict[str, Any]

_TRIALS_FILE = "trials.sealed"


@dataclass(frozen=True)
class Trial:
    """One fit; `score` is its AUROC on validation views, None for a failed fit."""

    number: int
    settings: Settings
    score: float | None
    seconds: float


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the highest score, the first on a tie; None if all failed."""
    scored = [trial for trial in trials if trial.score is not None]
    return max(scored, key=lambda trial: trial.score or 0, default=None)


def make_table(trials: Sequence[Trial]) -> pl.DataFrame:
    """Return one row per trial: `number`, its settings, `score`, `seconds`, `state`."""
    rows: list[dict[str, Any]] = [
        {
            "number": trial.number,
            **trial.settings,
            "score": trial.score,
            "seconds": trial.seconds,
            "state": "failed" if trial.score is None else "complete",
        }
        for trial in trials
    ]
    # if all fits failed, the column has only nulls and no inferred type
    return pl.DataFrame(rows, infer_schema_length=None).cast({"score": pl.Float64})


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Write the table of trials."""
    write_table(folder / TRIALS_FILE, make_table(trials))


def save_trials(checkpoints: Path, trials: Sequence[Trial]) -> None:
    """Save the finished trials of an unfinished search, for `read_trials`."""
    with sealed_file(checkpoints / _TRIALS_FILE, _TRIALS_FILE) as file:
        make_table(trials).write_parquet(file)


def read_trials(checkpoints: Path) -> list[Trial]:
    """Return the trials saved by an earlier process; none, with a note, if the file is damaged."""
    encoded = read_sealed(checkpoints / _TRIALS_FILE, _TRIALS_FILE)
    if encoded is None:
        return []
    table = read_table(encoded, TRIALS_SCHEMA)
    names = [name for name in table.columns if name not in TRIALS_SCHEMA]
    return [
        Trial(row["number"], {name: row[name] for name in names}, row["score"], row["seconds"])
        for row in table.iter_rows(named=True)
    ]
