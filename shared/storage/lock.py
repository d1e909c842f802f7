"""A lock file that names its holder."""

import json
import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from shared.errors import StoreError
from shared.storage.atomic import convert_write_errors
from shared.storage.descriptors import lock, read_at

_HOLDER_LIMIT_BYTES = 4096
# a holder writes its description right after taking the lock; 1 s in all is ample
_HOLDER_TRIES, _HOLDER_WAIT_S = 20, 0.05


@contextmanager
def hold(path: Path) -> Generator[None, None, None]:
    """Hold a lock file for this process; create its folder if necessary.

    Raises:
        StoreError: another process holds it.
        WriteError: the folder cannot be written.
    """
    with convert_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # the lock is the kernel's (flock), so it ends with the process, and a file that a dead
        # process left is taken over; its content only names the holder, and a library such as
        # filelock would empty it before it tries the lock
        descriptor = _take(path)
    try:
        with convert_write_errors(path):
            _write_holder(descriptor)
        yield
    finally:
        _remove(path, descriptor)


def _remove(path: Path, descriptor: int) -> None:
    if sys.platform == "win32":
        # open files cannot be removed there, neither ours nor that of a process that waits
        os.close(descriptor)
        with suppress(PermissionError):
            path.unlink(missing_ok=True)
        return
    # removed while it is held, so that no other process locks a file about to be removed
    path.unlink(missing_ok=True)
    os.close(descriptor)


def _take(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            lock(descriptor)
        except BlockingIOError:
            holder = _describe_holder(descriptor)
            os.close(descriptor)
            raise StoreError(
                "Expected to be the only process that writes the folder; wait until the other has "
                f"ended. Received: {path.parent}, which {holder} is writing"
            ) from None
        # the previous holder may have unlinked the file between our open and our lock
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _write_holder(descriptor: int) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(holder).encode())


def _describe_holder(descriptor: int) -> str:
    for _ in range(_HOLDER_TRIES):
        try:
            holder = json.loads(read_at(descriptor, _HOLDER_LIMIT_BYTES, 0))
            return f"process {holder['process']} on {holder['host']} since {holder['since']}"
        except (ValueError, KeyError, TypeError):
            # the holder has the lock but has not yet written its description
            time.sleep(_HOLDER_WAIT_S)
    return "another process"
