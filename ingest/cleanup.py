"""Removal of files that a lake no longer needs."""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from ingest.commit import refuse_removed
from shared.errors import LakeError
from shared.lake.layout import LAKE_FILE, LOCK_FILE, is_own_path
from shared.lake.open import Lake, open_lake
from shared.storage.atomic import PARTIAL_SUFFIX
from shared.storage.store import Store

# written by the macOS Finder into every folder it shows
_HARMLESS = {".DS_Store"}
_TABLE_SUFFIX = ".parquet"
# far longer than any ingest runs, so an unlisted object of this age belongs to no running one
_FORGOTTEN_S = 7 * 24 * 3600


def refuse_foreign(store: Store) -> None:
    """Refuse a folder or bucket that contains files other than those of a lake.

    Raises:
        LakeError: it contains another file, or the path is a file.
        StoreError: the bucket does not exist, or the object store does not respond.
    """
    store.require()
    for path in _files(store):
        if not is_own_path(path) and Path(path).name not in _HARMLESS:
            raise LakeError(
                f"Expected an empty folder or a lake. Received: lake={store}, which contains {path}"
            )


@contextmanager
def no_leftovers(store: Store) -> Generator[None, None, None]:
    """Remove partial files of earlier runs; if the block fails, also its uncommitted tables."""
    # finished shards stay, because the next run uses them
    with store.discard_partial_files():
        if not store.is_local:
            yield
            return
        _remove(store, (path for path in _files(store) if path.endswith(PARTIAL_SUFFIX)))
        before, committed = set(_files(store)), _lake_file(store)
        try:
            yield
        except BaseException:
            # once there is a new lake, the new tables belong to it
            is_committed = _lake_file(store) != committed
            broken = PARTIAL_SUFFIX if is_committed else (PARTIAL_SUFFIX, _TABLE_SUFFIX)
            _remove(store, (p for p in _files(store) if p not in before and p.endswith(broken)))
            raise


def clean_up(lake: Lake, replaced: frozenset[str]) -> None:
    """Remove the files of earlier lakes and interrupted runs, then empty folders.

    Args:
        replaced: files of the replaced lake, and uncommitted shards of this ingest.

    Raises:
        LakeError: in an object store, another ingest has removed files of the lake.
    """
    if not lake.store.is_local:
        _clean_up_objects(lake, replaced)
        return
    # the lock admits one ingest at a time, so no other one needs the unlisted files
    lake_files = {*lake.files, LOCK_FILE}
    _remove(lake.store, (path for path in _files(lake.store) if path not in lake_files))
    for folder in sorted(lake.root.glob("*/**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _clean_up_objects(lake: Lake, replaced: frozenset[str]) -> None:
    # an object store has no lock and a second ingest may be running, so unlisted objects are
    # removed only if they belong to the replaced lake or to this ingest, or are forgotten
    bucket = lake.store
    if open_lake(bucket).digest != lake.digest:
        return  # another ingest has committed since, and does its own clean-up
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


def _lake_file(store: Store) -> bytes | None:
    return store.read(LAKE_FILE) if store.sizes([LAKE_FILE]) else None


def _remove(store: Store, paths: Iterable[str]) -> None:
    store.remove([path for path in paths if is_own_path(path)])


def _files(store: Store) -> list[str]:
    return [file.path for file in store.list_files()]
