"""Random-access reads from many shards in an object store."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.errors import StoreError
from shared.lake.shard_rows import REMEDY
from shared.lake.shards import Numbers, ReadInto, keep
from shared.lake.tfrecord import FRAME_BYTES
from shared.storage.object_store.bucket import REQUESTS, Bucket
from shared.storage.object_store.object_file import ObjectFile


class ShardObjects:
    """Shards in an object store, read with many concurrent requests.

    Args:
        shards: paths relative to the store.

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
