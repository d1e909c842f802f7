"""Run folder: one training's results, which stand alone."""

import json
import platform
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from shared.console import note, say
from shared.errors import UsageError
from shared.lake import Lake
from trainer.decision import add_calibrated, decide, write_decision
from trainer.hardware import describe_hardware
from trainer.options import CvOptions, TrainOptions
from trainer.report.words import estimate, number
from trainer.results import kept_model
from trainer.split import FitPlan
from trainer.target import make_target

PREDICTIONS_FILE = "predictions.parquet"

_PACKAGES = (
    "mura-lake",
    "tensorflow",
    "keras",
    "numpy",
    "scipy",
    "polars",
    "pyarrow",
    "scikit-learn",
)


@contextmanager
def new_run_folder(out: str, name: str) -> Generator[Path, None, None]:
    """Make the run's folder at once; remove it if the block fails before there are predictions.

    Args:
        out: the folder asked for, or empty for one in `runs/`, named by time and `name`.
        name: what is trained.

    Raises:
        UsageError: the folder is there already.
    """
    path = Path(out).expanduser() if out else _unused_path(Path("runs"), name)
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(
            f"Expected a new folder for the run. Received: out={path}, which exists"
        ) from None
    try:
        yield path
    except BaseException:
        if (path / PREDICTIONS_FILE).exists():
            note(f"model and predictions are kept in {path}")
        else:
            shutil.rmtree(path, ignore_errors=True)
        raise


def _unused_path(folder: Path, name: str) -> Path:
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    names = (f"{stem}-{number}" if number > 1 else stem for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


class Phases:
    """Seconds by phase of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Generator[None, None, None]:
        """Add the time of the block to the phase `name`."""
        started_s = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started_s


def describe_run(
    command: str,
    options: TrainOptions | CvOptions,
    lake: Lake,
    plan: FitPlan,
    phases: Phases,
) -> dict[str, Any]:
    """Return a run's configuration and provenance, as `config.json` has it."""
    return {
        "command": command,
        "options": asdict(options),
        "classes": list(make_target(options.target, lake.manifest).class_names),
        "lake": {
            "path": str(lake.root),
            "digest": lake.digest,
            "num_views": lake.manifest.height,
            "image": lake.image.to_json(),
        },
        "sets": [{"name": name, **_count(views)} for name, views in vars(plan).items()],
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
        "hardware": describe_hardware(),
        "seconds": {name: round(seconds, 2) for name, seconds in phases.seconds.items()},
    }


def _count(views: pl.DataFrame) -> dict[str, int]:
    return {
        "num_views": views.height,
        "num_studies": views["study_id"].n_unique(),
        "num_patients": views["patient_id"].n_unique(),
        "num_abnormal_views": int(views["label"].sum()),
    }


def write_tables(
    folder: Path, config: Mapping[str, Any], history: pl.DataFrame, scored: pl.DataFrame
) -> None:
    """Write `config.json`, `history.parquet`, and what is decided on predictions beside them.

    Args:
        folder: the run's.
        config: as from `describe_run`.
        history: one row an epoch.
        scored: all predictions of the run. `predictions.parquet` gets `calibrated_probability`
            as well, and `decision.json` the temperatures and thresholds learnt on them.
    """
    decision = decide(scored, kept_model(scored))
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_decision(folder, decision)
    history.write_parquet(folder / "history.parquet")
    add_calibrated(scored, decision).write_parquet(folder / PREDICTIONS_FILE)


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
    say(f"report: {folder / 'report.html'}")
