"""Bounded cache of object-store shards in a local folder shared by all runs."""

import math
import os
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from shared.errors import StoreError
from shared.lake.layout import is_own_path
from shared.lake.shard_rows import check_content, shard_bytes
from shared.lake.shards import ShardFiles
from shared.progress import Progress
from shared.storage.atomic import PARTIAL_SUFFIX, convert_write_errors, partial_file
from shared.storage.descriptors import READ, allow_open_files, lock
from shared.storage.object_store.bucket import Bucket

GB = 10**9

# each download holds a whole shard in memory
_FETCHERS = 4
_LOCK_FILE = ".lock"
_SUFFIX = ".tfrecord"
_DISCARDED = "it has been removed from the cache; run again"


@dataclass(frozen=True)
class ShardCache:
    """Cache of whole shards, named by content digest so that lakes share identical shards."""

    # A process holds a shared lock on the file of each shard that it reads; the lock ends with the
    # process. Eviction removes only unlocked shards, least recently opened first.
    folder: Path
    limit_bytes: int

    def path(self, shard: str) -> Path:
        """Return the cache path of a shard."""
        return self.folder / Path(shard).name

    def open(self, store: Bucket, shards: Mapping[str, pl.DataFrame]) -> ShardFiles:
        """Download and check the missing shards, then open all of them.

        Args:
            shards: manifest rows by shard, from `shared.lake.shard_rows.rows_by_shard`.

        Raises:
            CorruptLakeError: the content of a shard differs from the manifest.
            FileNotFoundError: a shard is missing from the object store.
            StoreError: the object store fails, or the shards exceed the limit.
            WriteError: the folder is not writable.
        """
        self.require_room(shards)
        opened = ShardFiles(lambda shard: str(self.path(shard)), _DISCARDED, self._discard)
        allow_open_files(len(shards))
        try:
            absent = [s for s in shards if not self._take(s, shards[s], opened)]
            if absent:
                # one process at a time downloads, and finds what the one before it has fetched
                with self._lock():
                    absent = [s for s in absent if not self._take(s, shards[s], opened)]
                    self._make_room(sum(shard_bytes(shards[s]) for s in absent))
                    self._fetch(store, {shard: shards[shard] for shard in absent})
                    absent = [s for s in absent if not self._take(s, shards[s], opened)]
            if absent:
                raise FileNotFoundError(self.path(absent[0]))
        except BaseException:
            opened.close()
            raise
        return opened

    def require_room(self, shards: Mapping[str, pl.DataFrame]) -> None:
        """Raise a StoreError if a set of shards is larger than the limit."""
        if (num_bytes := sum(map(shard_bytes, shards.values()))) > self.limit_bytes:
            raise self._too_small(num_bytes, "for the shards that are needed")

    def require_folder(self) -> None:
        """Create the cache folder if necessary; raise a WriteError if that fails."""
        with convert_write_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def _take(self, shard: str, rows: pl.DataFrame, opened: ShardFiles) -> bool:
        path = self.path(shard)
        with suppress(FileNotFoundError):
            descriptor = os.open(path, READ)
            lock(descriptor, waits=True, shared=True)
            with suppress(FileNotFoundError):
                status = os.fstat(descriptor)
                # another process may have evicted the file between open and lock
                if os.path.samestat(status, path.stat()) and status.st_size == shard_bytes(rows):
                    os.utime(path)
                    opened.add(shard, descriptor)
                    return True
            os.close(descriptor)
        return False

    def _discard(self, shard: str) -> None:
        # processes that have the damaged file open are not affected
        with suppress(OSError):
            self.path(shard).unlink()

    @contextmanager
    def _lock(self) -> Generator[None, None, None]:
        self.require_folder()
        with convert_write_errors(self.folder):
            descriptor = os.open(self.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            lock(descriptor, waits=True)
            for path in self._list(PARTIAL_SUFFIX):
                path.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    def _list(self, suffix: str) -> list[Path]:
        # the user may keep other files in the folder
        return [path for path in self.folder.glob(f"*{suffix}") if is_own_path(path.name)]

    def _make_room(self, num_bytes: int) -> None:
        files = [(path, path.stat()) for path in self._list(_SUFFIX)]
        excess = num_bytes + sum(status.st_size for _, status in files) - self.limit_bytes
        for path, status in sorted(files, key=lambda file: file[1].st_mtime_ns):
            if excess <= 0:
                return
            if _remove_unless_held(path):
                excess -= status.st_size
        if excess > 0:
            raise self._too_small(self.limit_bytes + excess, "besides those in use by others")

    def _too_small(self, needed_bytes: int, why: str) -> StoreError:
        tenths = math.ceil(10 * needed_bytes / GB)
        return StoreError(
            f"Expected cache_gb={tenths / 10:g} or more {why}. "
            f"Received: cache_gb={self.limit_bytes / GB:g} cache={self.folder}"
        )

    def _fetch(self, store: Bucket, shards: Mapping[str, pl.DataFrame]) -> None:
        fetch = partial(self._fetch_one, store)
        with (
            Progress("fetch", len(shards), "shards") as progress,
            ThreadPoolExecutor(_FETCHERS) as pool,
        ):
            # an error or an interruption cancels the downloads that have not started
            for _ in pool.map(fetch, shards, shards.values()):
                progress.advance()

    def _fetch_one(self, store: Bucket, shard: str, rows: pl.DataFrame) -> None:
        data = store.read(shard)
        check_content(memoryview(data), rows, Path(shard).stem, store.where(shard))
        with partial_file(self.path(shard)) as file:
            file.write(data)
        Path(file.name).replace(self.path(shard))


def _remove_unless_held(path: Path) -> bool:
    if sys.platform == "win32":
        try:
            path.unlink()
        except PermissionError:  # it is open, in this process or another
            return False
        return True
    descriptor = os.open(path, os.O_RDONLY)
    try:
        lock(descriptor)
        path.unlink()
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
