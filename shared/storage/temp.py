"""Scratch: partial files of this host, in a folder for each process, found when that is gone."""

import os
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


def own_scratch(scratch: Path) -> Path:
    """Return this process's folder, which need not exist; hosts may share what it is in."""
    return scratch / f"{socket.gethostname()}-{os.getpid()}"


@contextmanager
def no_scratch(scratch: Path) -> Generator[None, None, None]:
    """Remove what this process and those of this host that are no more left, before and after."""
    _clear(scratch)
    try:
        yield
    finally:
        _clear(scratch)


def _clear(scratch: Path) -> None:
    for folder in scratch.glob(f"{socket.gethostname()}-*"):
        process = folder.name.rpartition("-")[2]
        if process.isdecimal() and not _is_another(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        scratch.rmdir()


def _is_another(process_id: int) -> bool:
    """Return whether a process other than this one is alive; in a container zombies can stay."""
    try:
        is_alive = psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, OverflowError):
        return False
    except psutil.AccessDenied:
        is_alive = True
    return is_alive and process_id != os.getpid()
