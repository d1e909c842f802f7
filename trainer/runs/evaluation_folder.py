"""The folder of `evaluate`: a model's results on another lake."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from shared.storage.atomic import convert_write_errors
from shared.storage.json_text import parse_object
from shared.storage.parquet import read_table
from shared.storage.store import as_path
from trainer.evaluation.decisions.decision import DECISION_FILE, Decision, parse_decision
from trainer.evaluation.metrics import ByPart
from trainer.evaluation.scored_table import check_scored
from trainer.runs.new_path import new_path
from trainer.runs.run_folder import CONFIG_FILE, METRICS_FILE, PREDICTIONS_FILE, add_time
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.predictions import PREDICTIONS_SCHEMA
from trainer.runs.saved.run_files import RunFiles, read_digests
from trainer.runs.saved.saved_run import SavedRun
from trainer.runs.saved.training_views import OVERLAP
from trainer.runs.saved.validation import check_types

COMMAND = "evaluate"
# nothing was learnt from the predictions
ROLE = "test"


@dataclass(frozen=True)
class Evaluation:
    """The results of a run's model on another lake.

    Attributes:
        config: content of `config.json`: `run`, `lake`, `options`, `sets`, `versions`.
        metrics: content of `metrics.json`: `evaluation` by body part, `calibration`, `overlap`.
    """

    config: dict[str, Any]
    metrics: dict[str, Any]
    decision: Decision
    scored: pl.DataFrame

    @property
    def by_part(self) -> ByPart:
        """The metrics of all views and of each body part."""
        return self.metrics["evaluation"]


@dataclass(frozen=True)
class SavedPredictions:
    """The predictions of the saved model of a finished run, or of an evaluation.

    `overlap`, as from `count_overlap`, is that of an evaluation.
    """

    folder: Path
    decision: Decision
    scored: pl.DataFrame
    overlap: Mapping[str, int] = field(default_factory=dict[str, int])


@contextmanager
def open_output(out: str, name: str) -> Generator[tuple[Path, Path], None, None]:
    """Yield a hidden folder and its final path; rename it when the block has succeeded.

    Without `out`, it is a folder in `evaluations/`, named by time and `name`.

    Raises:
        UsageError: the folder exists already.
    """
    path = as_path("out", out) if out else Path("evaluations") / add_time(name)
    with new_path(path) as partial_path:
        with convert_write_errors(path):
            partial_path.mkdir()
        yield partial_path, path


def open_predictions(folder: str) -> SavedPredictions:
    """Open the predictions of a run or evaluation; raise TrainingError if a file is damaged."""
    path = as_path("runs", folder)
    files = RunFiles(path, read_digests(path))
    if files.parse(CONFIG_FILE, parse_object).get("command") != COMMAND:
        run: SavedRun = open_saved_run(folder)
        return SavedPredictions(path, run.decision, run.scored.filter(model=run.model))
    decision = files.parse(DECISION_FILE, parse_decision)
    scored = files.parse(PREDICTIONS_FILE, partial(_parse_scored, model=decision.model))
    overlap = files.parse(METRICS_FILE, _parse_overlap)
    return SavedPredictions(path, decision, scored, overlap)


def _parse_overlap(encoded: bytes) -> dict[str, int]:
    metrics = parse_object(encoded)
    check_types(metrics, {"overlap": dict})
    check_types(metrics["overlap"], dict.fromkeys(OVERLAP, int))
    return metrics["overlap"]


def _parse_scored(encoded: bytes, model: str) -> pl.DataFrame:
    scored = read_table(encoded, PREDICTIONS_SCHEMA)
    check_scored(scored)
    if set(scored["model"]) != {model} or set(scored["role"]) != {ROLE}:
        raise ValueError(f"Expected predictions of {model!r} only, of the set {ROLE}")
    return scored
