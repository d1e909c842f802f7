"""The run folder: results of a finished run, or checkpoints of an unfinished one, and its lock."""

import os
import re
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from shared.console import note
from shared.errors import TrainingError, UsageError
from shared.storage.atomic import convert_write_errors
from shared.storage.descriptors import lock_folder
from shared.storage.store import as_path
from trainer.models.start import MODEL_FILE as MODEL_FILE
from trainer.runs.unfinished import CHECKPOINTS, Unfinished, read_unfinished, write_unfinished

TENSORBOARD = "tensorboard"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
LITERT_FILE = "model.tflite"
HISTORY_FILE = "history.parquet"
PREDICTIONS_FILE = "predictions.parquet"
TRIALS_FILE = "trials.parquet"
TRAINING_FILE = "training_views.parquet"
REFERENCE_FILE = "reference.parquet"
CARD_FILE = "model_card.md"
# digests of the other files; written last, so it marks a finished run
SUMS_FILE = "SHA256SUMS"


@contextmanager
def open_run_folder(out: str, name: str, key: str) -> Generator[Path, None, None]:
    """Create a run folder, or resume the interrupted run of the same key.

    `checkpoints/` holds the state to resume from, and is removed at the end. The process that works
    on a run holds a lock on it.

    Args:
        out: the requested folder, or empty for one in `runs/`, named by time and `name`.
        key: as from `trainer.runs.provenance.run_key`.

    Raises:
        UsageError: the folder exists, and is not an unfinished run of this key.
    """
    path, lock = _claim(as_path("out", out) if out else None, name, key)
    try:
        yield path
        shutil.rmtree(path / CHECKPOINTS)
    except BaseException as error:
        _clean_up(path, error)
        raise
    finally:
        os.close(lock)


def count_starts(folder: Path) -> int:
    """Return the number of processes that have worked on an unfinished run."""
    run = read_unfinished(folder)
    return run.starts if run else 0


def identify(folder: Path) -> str | None:
    """Return the unique id of an unfinished run, or None if the folder is not one."""
    run = read_unfinished(folder)
    return run.id if run else None


def name_fit(title: str) -> str:
    """Return a file name for a fit's title: lower case, with hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


def _claim(path: Path | None, name: str, key: str) -> tuple[Path, int]:
    """Return the folder and lock of the unfinished run of this key, or of a new run."""
    # names begin with the time, so the newest comes first
    for unfinished in [path] if path else sorted(Path("runs").glob(f"*-{name}*"), reverse=True):
        lock = _resume(unfinished, key)
        if lock is not None:
            return unfinished, lock
    new = path or _unused_path(Path("runs"), name)
    return new, _create(new, key)


def _resume(path: Path, key: str) -> int | None:
    """Return the lock of an unfinished run of this key, or None if there is none or it is held."""
    try:
        descriptor = lock_folder(path / CHECKPOINTS)
    except OSError:
        return None
    run = read_unfinished(path)
    if run is None or run.key != key:
        os.close(descriptor)
        return None
    note(f"resuming {path}, an interrupted run of the same command")
    write_unfinished(path, replace(run, starts=run.starts + 1))
    # the run may have been killed after it wrote the digests; its files are written again
    (path / SUMS_FILE).unlink(missing_ok=True)
    return descriptor


def _create(path: Path, key: str) -> int:
    with convert_write_errors(path):
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise UsageError(
                "Expected a new folder, or an interrupted run of the same command. "
                f"Received: out={path}, which exists"
            ) from None
    write_unfinished(path, Unfinished(key))
    # the system releases the lock when a process ends, even by SIGKILL
    return lock_folder(path / CHECKPOINTS)


def _clean_up(path: Path, error: BaseException) -> None:
    if (path / PREDICTIONS_FILE).exists():
        note(f"the model and the predictions are saved in {path}")
    # errors of the training data would recur on resume; one file is the record of the run alone
    elif isinstance(error, TrainingError) or len([*(path / CHECKPOINTS).iterdir()]) == 1:
        shutil.rmtree(path, ignore_errors=True)
    else:
        note(f"checkpoints are saved in {path}; the same command resumes the run")


def add_time(name: str) -> str:
    """Return a name for a new folder; names sort by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"


def _unused_path(folder: Path, name: str) -> Path:
    stem = add_time(name)
    names = (f"{stem}-{number}" if number > 1 else stem for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())
