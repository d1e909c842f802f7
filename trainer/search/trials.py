"""Trials: what was tried and what it was worth, kept after each."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from shared.files import write_atomically
from shared.sealed import read_sealed, sealed_file
from trainer.run_folder import TRIALS_FILE

Settings = dict[str, Any]
"""By name of an option, its value."""

_KEPT_FILE = "trials.sealed"
_FACTS = ("number", "score", "seconds", "state")


@dataclass(frozen=True)
class Trial:
    """One fit.

    Attributes:
        number: from 1, in the order of trial.
        settings: that it had.
        score: the view AUROC of its answers to validation views; None where the fit failed.
        seconds: that it took, of the process that finished it.
    """

    number: int
    settings: Settings
    score: float | None
    seconds: float


def choose(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the highest score, the first of equals; None where all failed."""
    known = [trial for trial in trials if trial.score is not None]
    return max(known, key=lambda trial: trial.score or 0, default=None)


def make_table(trials: Sequence[Trial]) -> pl.DataFrame:
    """Return one row a trial: `number`, its settings, `score`, `seconds`, `state`."""
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
    # as long as all fits have failed, a column of nothing would have no type
    return pl.DataFrame(rows, infer_schema_length=None).cast({"score": pl.Float64})


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Write the table of trials; it appears whole or not at all.

    Raises:
        WriteError: it cannot be written; the one before stays.
    """
    encoded = io.BytesIO()
    make_table(trials).write_parquet(encoded)
    write_atomically(folder / TRIALS_FILE, encoded.getvalue())


def keep_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Keep the trials of an unfinished search, whole or not at all.

    Raises:
        WriteError: they cannot be kept; those before stay.
    """
    with sealed_file(folder / _KEPT_FILE, _KEPT_FILE) as file:
        make_table(trials).write_parquet(file)


def read_trials(folder: Path) -> list[Trial]:
    """Return the trials that an earlier process has kept; none if their file is damaged."""
    encoded = read_sealed(folder / _KEPT_FILE, _KEPT_FILE)
    if encoded is None:
        return []
    table = pl.read_parquet(io.BytesIO(encoded))
    names = [name for name in table.columns if name not in _FACTS]
    return [
        Trial(row["number"], {name: row[name] for name in names}, row["score"], row["seconds"])
        for row in table.iter_rows(named=True)
    ]
