"""Shards: many of them open for reading parts of their files, or objects, in any order."""

import os
import resource
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from shared.bucket import REQUESTS, Bucket, ObjectFile
from shared.folder import Folder
from shared.store import Store
from shared.tfrecord import FRAME_FOOTER_BYTES, FRAME_HEADER_BYTES

ReadInto = Callable[[int, Sequence[Any], int], int]
"""Fills buffers from an offset of the shard with a number; returns how many bytes there were."""

_Numbers = Sequence[int]
_SPARE_FILES = 64
_FRAME_BYTES = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES


def open_shards(store: Store, shards: Collection[str]) -> "ShardFiles | ShardObjects":
    """Open shards of a lake.

    Args:
        store: of the lake.
        shards: paths in it.

    Raises:
        FileNotFoundError: one is not there; none is left open.
        StoreError: the object store does not answer, or not as it should.
    """
    return ShardFiles(store, shards) if isinstance(store, Folder) else ShardObjects(store, shards)


class ShardFiles:
    """Shards of a folder, held open, so that none can be taken away.

    Args:
        store: the folder.
        shards: paths in it.

    Attributes:
        numbers: of each shard; the descriptors of the open files.
        sizes: of each, in bytes.

    Raises:
        FileNotFoundError: one is not there; none is left open.
    """

    def __init__(self, store: Folder, shards: Collection[str]):
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        _allow_open_files(len(shards))
        try:
            for shard in shards:
                self.numbers[shard] = os.open(store.root / shard, os.O_RDONLY)
                self.sizes[shard] = os.fstat(self.numbers[shard]).st_size
        except BaseException:
            self.close()
            raise

    def begin(self, *_: _Numbers) -> ReadInto:
        """Return what reads the parts that are about to be asked for."""
        return os.preadv

    def close(self) -> None:
        """Close the files."""
        while self.numbers:
            os.close(self.numbers.popitem()[1])


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
            file = self._store.open(shard)
        record = file.read(offset, num_bytes)
        idle.append(file)
        return record

    def close(self) -> None:
        """Give up what is under way."""
        self._pool.shutdown(cancel_futures=True)


def _allow_open_files(num_more: int) -> None:
    """Raise this process's limit on open files, where a lake has more shards than it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
