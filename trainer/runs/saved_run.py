"""A finished run: its model, configuration, decision thresholds and past predictions."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from shared.errors import LakeError, TrainingError
from shared.images.spec import ImageSpec
from shared.storage.json_text import parse_object
from shared.storage.store import as_path
from trainer.evaluation.thresholds import DECISION_FILE, Decision, parse_decision
from trainer.runs.digests import read_digests, read_unchanged
from trainer.runs.run_folder import PREDICTIONS_FILE, SUMS_FILE
from trainer.runs.validation import check_config, check_metrics, num_outputs, read_predictions

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

MODEL_FILE = "model.keras"

_RUNS = Path("runs")
_REASON_CHARS = 300


@dataclass(frozen=True)
class SavedRun:
    """A finished run.

    Attributes:
        folder: run folder.
        config: `config.json`.
        metrics: `metrics.json`.
        decision: temperatures and thresholds, by view and by study.
        image: preprocessing of the lake's images, which new images need too.
        scored: one row per prediction, joined to the manifest.
        digests: SHA-256 of the run's files, by path below the folder.
    """

    folder: Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    decision: Decision
    image: ImageSpec
    scored: pl.DataFrame
    digests: Mapping[str, str] = field(default_factory=dict[str, str])

    def read(self, name: str) -> bytes:
        """Return the content of a file, by its path below the folder.

        Raises:
            TrainingError: the file is missing, a link, or changed since the run wrote it.
        """
        return read_unchanged(self.folder, name, self.digests)

    def load_model(self) -> keras.Model:
        """Return the model, from uint8 images (batch, size, size, 1) to (batch, outputs).

        It outputs the probability of abnormal, or one probability for each of `config["classes"]`.

        Raises:
            TrainingError: the model file is damaged, or has other inputs or outputs.
        """
        from trainer.models.model_file import load_model

        self.read(MODEL_FILE)
        path = self.folder / MODEL_FILE
        with _one_line(path):
            return load_model(path, self.image.size, num_outputs(self.config))


def open_saved_run(run: str) -> SavedRun:
    """Open a finished run.

    Args:
        run: run folder; empty for the newest finished run in `runs/`.

    Raises:
        TrainingError: no run is found, the run is not finished, or a file is damaged.
    """
    folder = as_path("run", run) if run else _find_newest()
    digests = read_digests(folder)

    def read(name: str) -> bytes:
        return read_unchanged(folder, name, digests)

    with _one_line(folder / "config.json"):
        config = parse_object(read("config.json"))
        check_config(config)
        image = ImageSpec.from_json(config["lake"]["image"])
    with _one_line(folder / DECISION_FILE):
        decision = parse_decision(read(DECISION_FILE))
    with _one_line(folder / PREDICTIONS_FILE):
        scored = read_predictions(read(PREDICTIONS_FILE), num_outputs(config), decision)
    with _one_line(folder / "metrics.json"):
        metrics = parse_object(read("metrics.json"))
        check_metrics(metrics, decision, config["command"], scored)
    return SavedRun(folder, config, metrics, decision, image, scored, digests)


@contextmanager
def _one_line(path: Path) -> Generator[None, None, None]:
    """Convert an error about a file's content to a one-line error with the file's name."""
    try:
        yield
    except (LakeError, ValueError) as error:
        # repr escapes control characters of damaged files
        reason = " ".join(repr(str(error))[1:-1].split())[:_REASON_CHARS]
        raise TrainingError(
            f"Expected the files of a run as it wrote them. Received: {path}: {reason}"
        ) from None


def _find_newest() -> Path:
    """Return the folder of the run in `runs/` that finished last."""
    sums = sorted(_RUNS.glob(f"*/{SUMS_FILE}"), key=lambda path: path.lstat().st_mtime)
    if not sums:
        raise TrainingError(
            "Expected a finished run in runs/, or run=FOLDER; `just train` makes one. "
            "Received: run= and no run in runs/"
        )
    return sums[-1].parent
