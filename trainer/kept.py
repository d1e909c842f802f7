"""Kept: what a finished run answers with, and what it knows of its own answers."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from shared.errors import TrainingError
from shared.image_spec import ImageSpec
from shared.store import as_path
from trainer.decision import DECISION_FILE, Decision, read_decision
from trainer.run_folder import PREDICTIONS_FILE

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

MODEL_FILE = "model.keras"

_RUNS = Path("runs")
_FILES = (
    "report.html",
    MODEL_FILE,
    "metrics.json",
    "config.json",
    DECISION_FILE,
    PREDICTIONS_FILE,
)


@dataclass(frozen=True)
class Kept:
    """A finished run.

    Attributes:
        folder: the run's.
        config: `config.json`.
        metrics: `metrics.json`.
        decision: temperatures and thresholds, by view and by study.
        image: how the images of its lake were made, and how those that it is asked about are.
        scored: one row a prediction, joined to the manifest.
    """

    folder: Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    decision: Decision
    image: ImageSpec
    scored: pl.DataFrame

    def load_model(self) -> keras.Model:
        """Return the model, from uint8 images (batch, size, size, 1) to (batch, outputs).

        Its outputs are the probability of abnormal, or those of `config["classes"]`.

        Raises:
            TrainingError: its file is damaged.
        """
        import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

        path = self.folder / MODEL_FILE
        try:
            untyped: Any = keras.models
            return untyped.load_model(path, compile=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TrainingError(
                f"Expected the model of a run. Received: {path}, which Keras cannot load: "
                f"{' '.join(str(error).split())}"
            ) from None


def open_kept(run: str) -> Kept:
    """Open a finished run.

    Args:
        run: its folder; empty for the newest finished one in `runs/`.

    Raises:
        TrainingError: there is none, it is not finished, or a file is damaged.
    """
    folder = as_path("run", run) if run else _find_newest()
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise TrainingError(
            "Expected the folder of a finished run; `just train` makes one. "
            f"Received: run={folder}, without {missing[0]}"
        )
    try:
        config, metrics = (
            json.loads((folder / name).read_bytes()) for name in ("config.json", "metrics.json")
        )
        scored = pl.read_parquet(io.BytesIO((folder / PREDICTIONS_FILE).read_bytes()))
        image = ImageSpec.from_json(config["lake"]["image"])
        return Kept(folder, config, metrics, read_decision(folder), image, scored)
    except (ValueError, KeyError, TypeError, FileNotFoundError, pl.exceptions.PolarsError) as error:
        raise TrainingError(
            f"Expected the files of a run as it left them. Received: run={folder}: {error!r}"
        ) from None


def _find_newest() -> Path:
    """Return the finished run in `runs/` whose report is the newest."""
    reports = sorted(_RUNS.glob("*/report.html"), key=lambda path: path.stat().st_mtime)
    if not reports:
        raise TrainingError(
            "Expected a finished run in runs/, or run=FOLDER; `just train` makes one. "
            "Received: run= and no run in runs/"
        )
    return reports[-1].parent
