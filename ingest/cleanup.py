"""Sweep: what a lake's store may hold, and what is removed from it.

In a folder one ingest at a time is at work, and all that the lake does not name goes. In an object
store nothing keeps a second one away, so only what certainly nobody needs goes: what the lake that
was replaced names and the new one does not, what this ingest wrote on the way to it, and what is
older than a week and in no lake.
"""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from ingest.commit import refuse_removed
from shared.errors import LakeError
from shared.lake.layout import LAKE_FILE, LOCK_FILE, is_own_path
from shared.lake.open import Lake, open_lake
from shared.storage.atomic import PARTIAL_SUFFIX, explain_write
from shared.storage.bucket import Bucket
from shared.storage.store import Store
from shared.storage.temp import no_scratch

_HARMLESS = {".DS_Store"}
_TABLE_SUFFIX = ".parquet"
_FORGOTTEN_S = 7 * 24 * 3600


def refuse_foreign(store: Store) -> None:
    """Refuse a place with anything in it that is not a lake's.

    Raises:
        LakeError: there is something else.
        StoreError: there is no such bucket, or the object store does not answer.
    """
    if isinstance(store, Bucket):
        store.require()
    elif store.root.exists() and not store.root.is_dir():
        raise LakeError(f"Expected a folder for the lake. Received: the file lake={store}")
    for path in _files(store):
        if not is_own_path(path) and Path(path).name not in _HARMLESS:
            raise LakeError(
                f"Expected an empty folder or a lake. Received: lake={store}, which holds {path}"
            )


@contextmanager
def no_leftovers(store: Store) -> Generator[None, None, None]:
    """Remove what broken runs left half-written; if the block breaks, all but finished shards."""
    if isinstance(store, Bucket):
        with no_scratch(store.scratch):
            yield
        return
    root = store.root
    _remove(root, (path for path in _files(store) if path.endswith(PARTIAL_SUFFIX)))
    before, committed = set(_files(store)), _lake_file(root)
    try:
        yield
    except BaseException:
        # once there is a new lake, the new tables are its own
        is_committed = _lake_file(root) != committed
        broken = PARTIAL_SUFFIX if is_committed else (PARTIAL_SUFFIX, _TABLE_SUFFIX)
        _remove(root, (p for p in _files(store) if p not in before and p.endswith(broken)))
        raise


def clean_up(lake: Lake, replaced: frozenset[str]) -> None:
    """Remove what earlier lakes and broken runs left, and folders that this leaves empty.

    Args:
        lake: that was committed.
        replaced: the files of the lake that it replaces, and what was written on the way to it.

    Raises:
        LakeError: in an object store, another ingest has removed files of the lake.
        StoreError: the object store does not answer, or not as it should.
        WriteError: a file cannot be removed.
    """
    if isinstance(lake.store, Bucket):
        _sweep_bucket(lake, lake.store, replaced)
        return
    kept = {*lake.files, LOCK_FILE}
    _remove(lake.root, (path for path in _files(lake.store) if path not in kept))
    for folder in sorted(lake.root.glob("*/**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _sweep_bucket(lake: Lake, bucket: Bucket, replaced: frozenset[str]) -> None:
    if open_lake(bucket).digest != lake.digest:
        return  # another ingest has committed since, and sweeps
    files = bucket.list_files()
    refuse_removed(bucket, lake.files - {file.path for file in files})
    forgotten_ns = time.time_ns() - _FORGOTTEN_S * 10**9
    bucket.remove(
        [
            file.path
            for file in files
            if file.path not in lake.files
            and is_own_path(file.path)
            # a server that does not tell a time gives 0
            and (file.path in replaced or 0 < file.modified_ns < forgotten_ns)
        ]
    )


def _lake_file(root: Path) -> bytes | None:
    path = root / LAKE_FILE
    return path.read_bytes() if path.is_file() else None


def _remove(root: Path, paths: Iterable[str]) -> None:
    with explain_write(root):
        for path in filter(is_own_path, paths):
            (root / path).unlink(missing_ok=True)


def _files(store: Store) -> list[str]:
    if isinstance(store, Bucket):
        return [file.path for file in store.list_files()]
    found = (path for path in store.root.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(store.root).as_posix() for path in found)
