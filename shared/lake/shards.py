"""Random-access reads from many shards, in open files or in an object store."""

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.errors import StoreError
from shared.lake.shard_rows import REMEDY
from shared.lake.tfrecord import FRAME_BYTES
from shared.storage.descriptors import allow_open_files, read_into
from shared.storage.local import Folder
from shared.storage.object_store.bucket import REQUESTS, Bucket
from shared.storage.object_store.objects import ObjectFile
from shared.storage.regular_file import open_regular

# fills buffers from an offset of a shard, given by number; returns the number of bytes read
ReadInto = Callable[[int, Sequence[Any], int], int]

Numbers = Sequence[int]


def keep(_: str) -> None:
    """Do not remove a damaged shard: it may be the only copy."""


class ShardFiles:
    """Shards in local files, held open so that a re-ingest cannot remove them.

    Args:
        where: function from a shard to the path shown in messages.
        remedy: advice in the error for a damaged shard.

    Attributes:
        numbers: file descriptor of each shard.
    """

    def __init__(
        self,
        where: Callable[[str], str],
        remedy: str = REMEDY,
        discard: Callable[[str], None] = keep,
    ):
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.where, self.remedy, self.discard = where, remedy, discard

    def add(self, shard: str, descriptor: int) -> None:
        """Take ownership of an open file."""
        self.numbers[shard] = descriptor
        self.sizes[shard] = os.fstat(descriptor).st_size

    def begin(self, *_: Numbers) -> ReadInto:
        """Return the function that reads the parts of the next records."""
        return read_into

    def close(self) -> None:
        """Close the files."""
        while self.numbers:
            os.close(self.numbers.popitem()[1])


def open_files(store: Folder, shards: Collection[str]) -> ShardFiles:
    """Open shards of a folder.

    Raises:
        FileNotFoundError: a shard is missing; all opened shards are closed.
        OSError: a shard is not a regular file.
    """
    opened = ShardFiles(store.where)
    allow_open_files(len(shards))
    try:
        for shard in shards:
            with open_regular(store.root / shard) as file:
                # the file object would close its own descriptor
                opened.add(shard, os.dup(file.fileno()))
    except BaseException:
        opened.close()
        raise
    return opened


class ShardObjects:
    """Shards in an object store, read with many concurrent requests.

    Attributes:
        numbers: index of each shard in `shards`.

    Raises:
        FileNotFoundError: a shard is missing.
        StoreError: the object store fails.
    """

    def __init__(self, store: Bucket, shards: Collection[str]):
        self.numbers = {shard: number for number, shard in enumerate(shards)}
        self.sizes = store.sizes(shards)
        if missing := self.numbers.keys() - self.sizes.keys():
            raise FileNotFoundError(store.where(min(missing)))
        self.where, self.remedy, self.discard = store.where, REMEDY, keep
        self._store = store
        self._shards: list[str] = list(shards)
        self._idle: dict[str, list[ObjectFile]] = {shard: [] for shard in shards}
        self._pool = ThreadPoolExecutor(REQUESTS)

    def begin(
        self, numbers: Numbers, offsets: Numbers, head_bytes: Numbers, image_bytes: Numbers
    ) -> ReadInto:
        """Request records; return a function that yields their parts in the same order."""
        lengths = (sum(both) + FRAME_BYTES for both in zip(head_bytes, image_bytes, strict=True))
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
                f"Expected {self.where(shard)}, which was found before. Received: no such "
                "object; another ingest may have replaced the lake, run again"
            ) from None
        idle.append(file)
        return record

    def close(self) -> None:
        """Cancel the pending requests."""
        self._pool.shutdown(cancel_futures=True)
