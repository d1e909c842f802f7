"""Lock: one ingest at a time works on a lake; the lock ends with the process that holds it."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from shared.errors import LakeError
from shared.lake.layout import LOCK_FILE
from shared.storage.atomic import explain_write
from shared.storage.bucket import Bucket
from shared.storage.store import Store

_HOLDER_LIMIT_BYTES = 4096
_HOLDER_TRIES, _HOLDER_WAIT_S = 20, 0.05


@contextmanager
def hold_lake(store: Store) -> Generator[None, None, None]:
    """Make the lake's folder if need be, and hold it for this process.

    An object store has no locks. Shards and tables have the names of their content, so two ingests
    write the same or different objects, and the lake is what the last `lake.json` says. But one may
    remove what the other found there and counts on: who misses it before or after its commit says
    so, and is run again.

    What holds it is the kernel's lock on the file, so a file left by a dead process is just taken
    over; the file's content only says who it is.

    Raises:
        LakeError: another ingest holds it.
        WriteError: the folder cannot be written.
    """
    if isinstance(store, Bucket):
        yield
        return
    path = store.root / LOCK_FILE
    with explain_write(path):
        store.root.mkdir(parents=True, exist_ok=True)
        descriptor = _take(path)
    try:
        with explain_write(path):
            _write_holder(descriptor)
        yield
    finally:
        # while it is held, so that nobody takes a file that is about to go
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path) -> int:
    """Return a descriptor of the lock file, locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _describe_holder(descriptor)
            os.close(descriptor)
            raise LakeError(
                "Expected to be the only ingest into the lake; wait until the other is done. "
                f"Received: lake={path.parent}, which {holder} is writing"
            ) from None
        # its holder may have removed it between our opening and our locking it
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _write_holder(descriptor: int) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _describe_holder(descriptor: int) -> str:
    for _ in range(_HOLDER_TRIES):
        try:
            holder = json.loads(os.pread(descriptor, _HOLDER_LIMIT_BYTES, 0))
            return f"process {holder['process']} on {holder['host']} since {holder['since']}"
        except (ValueError, KeyError, TypeError):
            # it has only just been taken
            time.sleep(_HOLDER_WAIT_S)
    return "another ingest"
