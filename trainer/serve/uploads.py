"""Uploads: files go once they are answered, and soon where nobody came to ask."""

import shutil
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

MAX_AGE_S = 300
"""From the last byte of an upload; answers that wait in line for longer come too late."""
_SWEEP_EVERY_S = 60


def remove_answered(files: Sequence[Path], uploads: Path) -> None:
    """Remove uploaded files, each with the folder that was made for it."""
    for file in files:
        if file.parent != uploads and file.is_relative_to(uploads):
            shutil.rmtree(file.parent, ignore_errors=True)


@contextmanager
def sweeping(uploads: Path) -> Generator[None, None, None]:
    """Remove what was uploaded and never answered, for as long as the context lasts.

    A page that is closed too early leaves its files behind, and gradio forgets those of an upload
    that breaks off.
    """
    ended = Event()

    def sweep() -> None:
        while not ended.wait(_SWEEP_EVERY_S):
            remove_old(uploads)

    sweeper = Thread(target=sweep, daemon=True)
    sweeper.start()
    try:
        yield
    finally:
        ended.set()
        sweeper.join()


def remove_old(uploads: Path) -> None:
    """Remove files that were last written to more than `MAX_AGE_S` ago."""
    for file in uploads.rglob("*"):
        try:
            if file.is_file() and time.time() - file.stat().st_mtime > MAX_AGE_S:
                file.unlink()
        except OSError:
            # answered and removed at this moment
            continue
