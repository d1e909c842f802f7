"""Shards: many of them open for reading parts of their files, or objects, in any order.

Who opens them knows the rows of the manifest that they have.
"""

import os
import resource
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shared.bucket import REQUESTS, Bucket
from shared.errors import CorruptLakeError, StoreError
from shared.files import open_regular
from shared.folder import Folder
from shared.object_file import ObjectFile
from shared.tfrecord import FRAME_FOOTER_BYTES, FRAME_HEADER_BYTES

REMEDY = "`just verify` lists all damage; remove what it names, and `just ingest` makes it anew"
WRONG_RECORD = "the record is not the one that was written"
RECORD_END = pl.col("image_offset") + pl.col("image_bytes") + FRAME_FOOTER_BYTES
"""Where in its shard the record of a manifest's row ends; the last one's is the shard's size."""

ReadInto = Callable[[int, Sequence[Any], int], int]
"""Fills buffers from an offset of the shard with a number; returns how many bytes there were."""

_Numbers = Sequence[int]
_SPARE_FILES = 64
_FRAME_BYTES = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES


def rows_by_shard(manifest: pl.DataFrame, shards: pl.Series) -> dict[str, pl.DataFrame]:
    """Return the rows of all records of shards, in their order, with where each record ends."""
    columns = ("shard", "view_id", "record_index", "record_offset", "record_crc32c", "image_offset")
    rows = (
        manifest.filter(pl.col("shard").is_in(shards.unique().to_list()))
        .select(*columns, end=RECORD_END)
        .sort("record_index")
    )
    return {str(k): own for (k,), own in rows.partition_by("shard", as_dict=True).items()}


def shard_bytes(rows: pl.DataFrame) -> int:
    """Return the size of a shard that has these rows, in bytes."""
    return rows["end"][-1]


def check_size(size_bytes: int, rows: pl.DataFrame, where: str) -> None:
    """Hold the size of a shard against its rows, and the rows against each other.

    Raises:
        CorruptLakeError: it has another size, or its rows do not follow each other without gaps.
    """
    if not _follow_each_other(rows):
        raise CorruptLakeError(f"{where}: the manifest's rows of it do not follow each other")
    if size_bytes != shard_bytes(rows):
        cut = min(bisect_right(rows["end"].to_list(), size_bytes), rows.height - 1)
        what = f"expected a file of {shard_bytes(rows)} bytes, received {size_bytes}"
        raise damage(where, rows["view_id"][cut], what)


def _follow_each_other(rows: pl.DataFrame) -> bool:
    """Return whether rows are numbered from 0 and each record begins where the one before ends.

    Each is longer than its frame, so all that is read lies between 0 and the last one's end.
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
    """Return the error that says what is wrong with a view of a shard."""
    return CorruptLakeError(f"{where}, view {view_id}: {what}; {remedy}")


def _keep(_: str) -> None:
    """Leave a damaged shard where it is: it may be the only one."""


class ShardFiles:
    """Shards in files of this host, held open, so that none can be taken away.

    Args:
        where: how a shard's file is named to a person.
        remedy: what to do about a damaged one.
        discard: what is done with a damaged one when it is found.

    Attributes:
        numbers: of each shard; the descriptors of the open files.
        sizes: of each, in bytes.
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
        """Take over an open file."""
        self.numbers[shard] = descriptor
        self.sizes[shard] = os.fstat(descriptor).st_size

    def begin(self, *_: _Numbers) -> ReadInto:
        """Return what reads the parts that are about to be asked for."""
        return os.preadv

    def close(self) -> None:
        """Close the files."""
        while self.numbers:
            os.close(self.numbers.popitem()[1])


def open_files(store: Folder, shards: Collection[str]) -> ShardFiles:
    """Open shards of a folder.

    Raises:
        FileNotFoundError: one is not there; none is left open.
        OSError: one is not a regular file.
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
    """Shards of an object store; many requests are under way at once.

    Args:
        store: the object store.
        shards: paths in it.

    Attributes:
        numbers: of each shard, in the order given.
        sizes: of each, in bytes.

    Raises:
        FileNotFoundError: one is not there.
        StoreError: the object store does not answer, or not as it should.
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
        """Ask for records, and return what gives their parts, in the same order."""
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
        # to open one is a request of its own
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
        """Give up what is under way."""
        self._pool.shutdown(cancel_futures=True)


def allow_open_files(num_more: int) -> None:
    """Raise this process's limit on open files, where a lake has more shards than it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
