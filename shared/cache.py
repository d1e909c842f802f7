"""Cache: shards of an object store, kept in a folder that runs share and whose size is bounded."""

import fcntl
import math
import os
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import crc32c
import polars as pl

from shared.bucket import Bucket
from shared.console import Progress
from shared.errors import CorruptLakeError, StoreError
from shared.files import PARTIAL_SUFFIX, ShardDigester, digest, explain_write, partial_file
from shared.layout import is_own_path
from shared.shards import (
    REMEDY,
    WRONG_RECORD,
    ShardFiles,
    allow_open_files,
    check_size,
    damage,
    shard_bytes,
)
from shared.tfrecord import FRAME_FOOTER_BYTES, FRAME_HEADER_BYTES, frame_footer, frame_header

GB = 10**9

_FETCHERS = 4
_LOCK_FILE = ".lock"
_SUFFIX = ".tfrecord"
_DISCARDED = "it is removed from the cache, so run again"


@dataclass(frozen=True)
class ShardCache:
    """Whole shards, by the names of their content, so that lakes share what they have in common.

    Who reads a shard holds a shared lock on its file, which ends with the process; only what nobody
    holds goes, what was opened longest ago first. One process at a time fetches.

    Attributes:
        folder: where they lie.
        limit_bytes: of all of them together.
        shows_progress: whether fetching is told.
    """

    folder: Path
    limit_bytes: int
    shows_progress: bool = True

    def path(self, shard: str) -> Path:
        """Return where a shard lies once it is fetched."""
        return self.folder / Path(shard).name

    def open(self, store: Bucket, shards: Mapping[str, pl.DataFrame]) -> ShardFiles:
        """Fetch what is not there yet, each checked on arrival, and open all.

        Args:
            store: of the lake.
            shards: the rows of each shard, as from `shared.shards.rows_by_shard`.

        Raises:
            CorruptLakeError: a shard is not the one that was written.
            FileNotFoundError: one is not in the object store.
            StoreError: the object store does not answer, or the shards are larger than the limit.
            WriteError: the folder cannot be written.
        """
        self.require_room(shards)
        opened = ShardFiles(lambda shard: str(self.path(shard)), _DISCARDED, self._discard)
        allow_open_files(len(shards))
        try:
            absent = [s for s in shards if not self._take(s, shards[s], opened)]
            if absent:
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
        """Return if the limit is large enough for all of some shards.

        Raises:
            StoreError: it is not.
        """
        if (num_bytes := sum(map(shard_bytes, shards.values()))) > self.limit_bytes:
            raise self._too_small(num_bytes, "for the shards that are needed")

    def require_folder(self) -> None:
        """Make the folder, if it is not there.

        Raises:
            WriteError: it cannot be made, or is a file.
        """
        with explain_write(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def _take(self, shard: str, rows: pl.DataFrame, opened: ShardFiles) -> bool:
        """Return whether a shard is there; if so it is opened and held."""
        path = self.path(shard)
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            with suppress(FileNotFoundError):
                status = os.fstat(descriptor)
                # it may have gone between opening and holding it
                if os.path.samestat(status, path.stat()) and status.st_size == shard_bytes(rows):
                    os.utime(descriptor)
                    opened.add(shard, descriptor)
                    return True
            os.close(descriptor)
        return False

    def _discard(self, shard: str) -> None:
        """Remove a shard that was damaged since it was fetched; who has it open keeps it."""
        with suppress(OSError):
            self.path(shard).unlink()

    @contextmanager
    def _lock(self) -> Generator[None, None, None]:
        with explain_write(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for path in self._list(PARTIAL_SUFFIX):
                path.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    def _list(self, suffix: str) -> list[Path]:
        """Return the files that are the cache's own, whatever else is in the folder."""
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
            raise self._too_small(self.limit_bytes + excess, "beside the shards that others use")

    def _too_small(self, needed_bytes: int, why: str) -> StoreError:
        tenths = math.ceil(10 * needed_bytes / GB)
        return StoreError(
            f"Expected cache_gb={tenths / 10:g} or more {why}. "
            f"Received: cache_gb={self.limit_bytes / GB:g} cache={self.folder}"
        )

    def _fetch(self, store: Bucket, shards: Mapping[str, pl.DataFrame]) -> None:
        progress = Progress("fetch", len(shards), "shards") if self.shows_progress else None
        with progress or nullcontext(), ThreadPoolExecutor(_FETCHERS) as pool:
            fetched = [pool.submit(self._fetch_one, store, *each) for each in shards.items()]
            try:
                for one in as_completed(fetched):
                    one.result()
                    if progress:
                        progress.advance()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _fetch_one(self, store: Bucket, shard: str, rows: pl.DataFrame) -> None:
        data = store.read(shard)
        _check(memoryview(data), rows, Path(shard).stem, store.where(shard))
        with partial_file(self.path(shard)) as file:
            file.write(data)
        Path(file.name).replace(self.path(shard))


def _check(data: memoryview, rows: pl.DataFrame, content_digest: str, where: str) -> None:
    """Hold a shard against its rows, and against its name: by that alone other lakes will find it.

    Raises:
        CorruptLakeError: it is not the one that was written.
    """
    check_size(len(data), rows, where)
    content = ShardDigester()
    columns = ("view_id", "record_offset", "image_offset", "end", "record_crc32c")
    for view_id, start, image_start, end, checksum in rows.select(columns).iter_rows():
        record = data[start:end]
        payload = record[FRAME_HEADER_BYTES:-FRAME_FOOTER_BYTES]
        header, footer = record[:FRAME_HEADER_BYTES], record[-FRAME_FOOTER_BYTES:]
        expected = (frame_header(len(payload)), checksum, frame_footer(checksum))
        if (bytes(header), crc32c.crc32c(payload), bytes(footer)) != expected:
            raise damage(where, view_id, WRONG_RECORD)
        image = data[image_start : end - FRAME_FOOTER_BYTES]
        content.add(bytes(data[start + FRAME_HEADER_BYTES : image_start]), digest(image))
    if content.finish() != content_digest:
        raise CorruptLakeError(f"{where} is not what its name says; {REMEDY}")


def _remove_unless_held(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
