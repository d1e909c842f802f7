"""Temporary folders, one per process, that are removed once the process has ended."""

import os
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


def own_scratch(scratch: Path) -> Path:
    """Return the temporary folder of this process; it may not exist yet."""
    # hosts may share the parent folder
    return scratch / f"{socket.gethostname()}-{os.getpid()}"


@contextmanager
def no_scratch(scratch: Path) -> Generator[None, None, None]:
    """Remove the temporary folders of this and of ended processes, before and after the block."""
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
    # late, as it is needed only if a process left its folder
    import psutil

    try:
        # zombies can remain in containers
        is_alive = psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, OverflowError):
        return False
    except psutil.AccessDenied:
        is_alive = True
    return is_alive and process_id != os.getpid()
