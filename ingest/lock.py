"""The lock that admits one ingest at a time to a lake in a folder."""

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
# a holder writes its description right after taking the lock; 1 s in all is ample
_HOLDER_TRIES, _HOLDER_WAIT_S = 20, 0.05


@contextmanager
def hold_lake(store: Store) -> Generator[None, None, None]:
    """Create the lake's folder if needed, and lock it for this process.

    The lock is a kernel lock (`flock`) on a file and ends with the process, so a file left by a
    dead process does not block. Its content only describes the holder for error messages.

    Object stores have no locks. Shards and tables are named by the digest of their content, so two
    ingests cannot overwrite each other's data, and the last `lake.json` wins. One ingest can still
    remove objects that the other relies on; the other checks before and after its commit, and
    fails with the advice to run again.

    Raises:
        LakeError: another ingest holds the lock.
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
        # unlink before the lock is released, so that no other process locks a file to be removed
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
        # the previous holder may have unlinked the file between our open and our lock
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
            # the holder has the lock but has not yet written its description
            time.sleep(_HOLDER_WAIT_S)
    return "another ingest"
