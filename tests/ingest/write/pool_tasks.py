"""Tasks for worker processes, which import them by name."""

import os
import time
from pathlib import Path

from shared.errors import LakeError


def double(number: int) -> int:
    return 2 * number


def own_process(_: object) -> int:
    return os.getpid()


def wait_for(path: Path | None) -> int:
    """Return this process's number, once there is a file at the path, if one is given."""
    while path and not path.exists():
        time.sleep(0.002)
    return os.getpid()


def work_forever(started: Path) -> None:
    """Say in a file who works, and never end."""
    partial = started.with_suffix(".partial")
    partial.write_text(str(os.getpid()))
    partial.rename(started)
    time.sleep(3600)


def die_by(signal_number: int) -> None:
    os.kill(os.getpid(), signal_number)


def refuse(number: int) -> int:
    """Refuse the number 3."""
    if number == 3:
        raise LakeError("the number 3")
    return number


def run_out_of_memory(_: object) -> None:
    raise MemoryError
