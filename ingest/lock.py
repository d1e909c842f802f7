"""Lock: one ingest at a time works on a lake; the lock ends with the process that holds it."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import LakeError


@contextmanager
def hold_lake(root: Path) -> Generator[None, None, None]:
    """Make the lake's folder if need be, and hold it for this process.

    Raises:
        LakeError: another ingest holds it.
    """
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise LakeError(
            f"Expected to be the only ingest into the lake. Received: lake={root}, "
            "which another ingest is writing"
        ) from None
    finally:
        os.close(descriptor)
