"""Random-access reads from many open shards, in files or in an object store.

Callers pass the manifest rows of the shards.
"""

import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shared.errors import CorruptLakeError, StoreError
from shared.lake.tfrecord import FRAME_FOOTER_BYTES, FRAME_HEADER_BYTES
from shared.storage.atomic import open_regular
from shared.storage.bucket import REQUESTS, Bucket
from shared.storage.descriptors import read_into
from shared.storage.local import Folder
from shared.storage.object_file import ObjectFile

REMEDY = "`just verify` lists all damage; remove what it names, and `just ingest` makes it anew"
WRONG_RECORD = "the record is not the one that was written"
RECORD_END = pl.col("image_offset") + pl.col("image_bytes") + FRAME_FOOTER_BYTES
"""End of a row's record in its shard, in bytes; for the last record, the size of the shard."""

ReadInto = Callable[[int, Sequence[Any], int], int]
"""Fills buffers from an offset of a shard, given by number; returns the number of bytes read."""

_Numbers = Sequence[int]
# file descriptors left for everything else that the process opens
_SPARE_FILES = 64
_FRAME_BYTES = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES


def rows_by_shard(manifest: pl.DataFrame, shards: pl.Series) -> dict[str, pl.DataFrame]:
    """Return the rows of all records of each shard, in record order, with the `end` of each."""
    columns = ("shard", "view_id", "record_index", "record_offset", "record_crc32c", "image_offset")
    rows = (
        manifest.filter(pl.col("shard").is_in(shards.unique().to_list()))
        .select(*columns, end=RECORD_END)
        .sort("record_index")
    )
    return {str(k): own for (k,), own in rows.partition_by("shard", as_dict=True).items()}


def shard_bytes(rows: pl.DataFrame) -> int:
    """Return the size in bytes of a shard with these rows."""
    return rows["end"][-1]


def check_size(size_bytes: int, rows: pl.DataFrame, where: str) -> None:
    """Check a shard's size against its rows, and the rows for gaps and overlaps.

    Raises:
        CorruptLakeError: The size differs, or the rows are not contiguous.
    """
    if not _follow_each_other(rows):
        raise CorruptLakeError(f"{where}: the manifest's rows of it do not follow each other")
    if size_bytes != shard_bytes(rows):
        cut = min(bisect_right(rows["end"].to_list(), size_bytes), rows.height - 1)
        what = f"expected a file of {shard_bytes(rows)} bytes, received {size_bytes}"
        raise damage(where, rows["view_id"][cut], what)


def _follow_each_other(rows: pl.DataFrame) -> bool:
    """Return whether rows are numbered from 0 and the records are contiguous.

    Every record must be longer than its frame, so all reads stay within the shard.
    """
    numbers, starts, images, ends = (
        rows[name].to_numpy() for name in ("record_index", "record_offset", "image_offset", "end")
    )
    return (
        bool(np.array_equal(numbers, np.arange(len(numbers))))
        and starts[0] == 0
        and bool(np.array_equal(starts[1:], ends[:-1]))
        and bool((images > starts + FRAME_HEADER_BYTES).all())
        and bool((ends > images + FRAME_FOOTER_BYTES).all())
    )


def damage(where: str, view_id: str, what: str, remedy: str = REMEDY) -> CorruptLakeError:
    """Return the error for a damaged view of a shard."""
    return CorruptLakeError(f"{where}, view {view_id}: {what}; {remedy}")


def _keep(_: str) -> None:
    """Do not remove a damaged shard: it may be the only copy."""


class ShardFiles:
    """Shards in local files, held open so that a re-ingest cannot remove them.

    Args:
        where: Function from a shard to the path shown in messages.
        remedy: Advice in the error for a damaged shard.
        discard: Called with a damaged shard.

    Attributes:
        numbers: File descriptor of each shard.
        sizes: Size of each shard in bytes.
    """

    def __init__(
        self,
        where: Callable[[str], str],
        remedy: str = REMEDY,
        discard: Callable[[str], None] = _keep,
    ):
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.where, self.remedy, self.discard = where, remedy, discard

    def add(self, shard: str, descriptor: int) -> None:
        """Take ownership of an open file."""
        self.numbers[shard] = descriptor
        self.sizes[shard] = os.fstat(descriptor).st_size

    def begin(self, *_: _Numbers) -> ReadInto:
        """Return the function that reads the parts of the next records."""
        return read_into

    def close(self) -> None:
        """Close the files."""
        while self.numbers:
            os.close(self.numbers.popitem()[1])


def open_files(store: Folder, shards: Collection[str]) -> ShardFiles:
    """Open shards of a folder.

    Raises:
        FileNotFoundError: A shard is missing; all opened shards are closed.
        OSError: A shard is not a regular file.
    """
    opened = ShardFiles(store.where)
    allow_open_files(len(shards))
    try:
        for shard in shards:
            with open_regular(store.root / shard) as file:
                opened.add(shard, os.dup(file.fileno()))
    except BaseException:
        opened.close()
        raise
    return opened


class ShardObjects:
    """Shards in an object store, read with many concurrent requests.

    Args:
        store: The object store.
        shards: Paths relative to the store.

    Attributes:
        numbers: Index of each shard in `shards`.
        sizes: Size of each shard in bytes.

    Raises:
        FileNotFoundError: A shard is missing.
        StoreError: The object store fails.
    """

    def __init__(self, store: Bucket, shards: Collection[str]):
        self.numbers = {shard: number for number, shard in enumerate(shards)}
        self.sizes = store.sizes(shards)
        if missing := self.numbers.keys() - self.sizes.keys():
            raise FileNotFoundError(store.where(min(missing)))
        self.where, self.remedy, self.discard = store.where, REMEDY, _keep
        self._store = store
        self._shards: list[str] = list(shards)
        self._idle: dict[str, list[ObjectFile]] = {shard: [] for shard in shards}
        self._pool = ThreadPoolExecutor(REQUESTS)

    def begin(
        self, numbers: _Numbers, offsets: _Numbers, head_bytes: _Numbers, image_bytes: _Numbers
    ) -> ReadInto:
        """Request records; return a function that yields their parts in the same order."""
        lengths = (sum(both) + _FRAME_BYTES for both in zip(head_bytes, image_bytes, strict=True))
        shards = [self._shards[number] for number in numbers]
        records = self._pool.map(self._read, shards, offsets, lengths)

        def read_into(_: int, buffers: Sequence[Any], __: int) -> int:
            record, start = next(records), 0
            for buffer in buffers:
                buffer[:] = record[start : start + len(buffer)]
                start += len(buffer)
            return len(record)

        return read_into

    def _read(self, shard: str, offset: int, num_bytes: int) -> bytes:
        # reuse open objects: opening one costs a request
        idle = self._idle[shard]
        try:
            file = idle.pop()
        except IndexError:
            file = None
        try:
            file = file or self._store.open(shard)
            record = file.read(offset, num_bytes)
        except FileNotFoundError:
            raise StoreError(
                f"Expected {self.where(shard)}, which was there at first. Received: no such "
                "object; has another ingest replaced the lake? Run again"
            ) from None
        idle.append(file)
        return record

    def close(self) -> None:
        """Cancel the pending requests."""
        self._pool.shutdown(cancel_futures=True)


def allow_open_files(num_more: int) -> None:
    """Raise the limit on open files if the shards need more than it allows."""
    if sys.platform == "win32":
        return  # the limit is 8192 there and cannot be raised
    import resource  # late, because Windows lacks it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
