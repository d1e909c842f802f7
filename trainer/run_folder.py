"""Run folder: one training's results, which stand alone; until then, what it needs to go on."""

import fcntl
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
from shared.files import explain_write
from shared.store import as_path
from trainer.unfinished import (
    CHECKPOINTS,
    RUN_FILE,
    Unfinished,
    read_unfinished,
    write_unfinished,
)

TENSORBOARD = "tensorboard"
PREDICTIONS_FILE = "predictions.parquet"
TRIALS_FILE = "trials.parquet"
SUMS_FILE = "SHA256SUMS"
"""Digests of the files of a run; written last, so a folder with it is that of a finished run."""


@contextmanager
def open_run_folder(out: str, name: str, key: str) -> Generator[Path, None, None]:
    """Make the run's folder at once, or go on in that of the same run which was killed.

    What a killed run needs to go on lies in `checkpoints/`, which a finished run does not have.
    While a process works on a run it holds that folder's lock.

    Args:
        out: the folder asked for, or empty for one in `runs/`, named by time and `name`.
        name: what is trained.
        key: of all that the run's results depend on; a killed run of another is left alone.

    Raises:
        UsageError: the folder is there already, and is not of the same unfinished run.
        WriteError: it cannot be made.
    """
    path, lock = _claim(as_path("out", out) if out else None, name, key)
    try:
        yield path
        shutil.rmtree(path / CHECKPOINTS)
    except BaseException as error:
        _leave(path, error)
        raise
    finally:
        os.close(lock)


def count_starts(folder: Path) -> int:
    """Return how many processes have worked on a run that is not finished."""
    return read_unfinished(folder).starts


def identify(folder: Path) -> str | None:
    """Return what tells an unfinished run's folder from any other, or None if there is no such."""
    try:
        return read_unfinished(folder).id
    except (OSError, ValueError):
        return None


def name_fit(title: str) -> str:
    """Return a fit's title as the name of a folder or file."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


def _claim(path: Path | None, name: str, key: str) -> tuple[Path, int]:
    """Return the folder of the run and its lock: an unfinished one of its key, or a new one."""
    for unfinished in [path] if path else sorted(Path("runs").glob(f"*-{name}*"), reverse=True):
        lock = _take_over(unfinished, key)
        if lock is not None:
            return unfinished, lock
    new = path or _unused_path(Path("runs"), name)
    return new, _make(new, key)


def _take_over(path: Path, key: str) -> int | None:
    """Return the lock of the same run's folder, if it is unfinished and nobody works on it."""
    try:
        descriptor = _lock(path)
    except OSError:
        return None
    try:
        run = read_unfinished(path)
    except (OSError, ValueError):
        run = None
    if run is None or run.key != key:
        os.close(descriptor)
        return None
    note(f"going on with {path}, which an earlier run of this command has left unfinished")
    write_unfinished(path, replace(run, starts=run.starts + 1))
    # it was killed after its end: what it wrote will be written again
    (path / SUMS_FILE).unlink(missing_ok=True)
    return descriptor


def _make(path: Path, key: str) -> int:
    with explain_write(path):
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise UsageError(
                "Expected a new folder for the run, or one that the same command left unfinished. "
                f"Received: out={path}, which exists"
            ) from None
    write_unfinished(path, Unfinished(key))
    return _lock(path)


def _lock(path: Path) -> int:
    """Return a descriptor that holds a run's lock until it is closed, or its process ends.

    Raises:
        OSError: there is no such run, or another process holds it.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
    descriptor = os.open(path / CHECKPOINTS, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _leave(path: Path, error: BaseException) -> None:
    """Keep what the same command can go on with; remove the folder where there is nothing."""
    if (path / PREDICTIONS_FILE).exists():
        note(f"model and predictions are kept in {path}")
    # a run that fails by what it trains on would only fail again
    elif isinstance(error, TrainingError) or not _can_go_on(path / CHECKPOINTS):
        shutil.rmtree(path, ignore_errors=True)
    else:
        note(f"what was finished is kept in {path}; the same command goes on after it")


def _can_go_on(checkpoints: Path) -> bool:
    return any(file.name != RUN_FILE for file in checkpoints.iterdir())


def _unused_path(folder: Path, name: str) -> Path:
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    names = (f"{stem}-{number}" if number > 1 else stem for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())
