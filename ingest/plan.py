"""Assignment of views to shards, a pure function of the table of views."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.images.spec import ImageSpec
from shared.lake.manifest import PARTITION_COLUMNS, partition_folder

# maximum image bytes of a shard: large enough for sequential reads, small enough to rewrite
SHARD_LIMIT_BYTES = 64 * 1024 * 1024

_HASH_BITS = 64


@dataclass(frozen=True, eq=False)
class ShardPlan:
    """The views of one shard; plans are compared by identity.

    Attributes:
        folder: the partition's Hive-style folder.
        views: columns as in `ingest.scan.scan_tree.SCHEMA`, sorted by `view_id`.
    """

    folder: str
    views: pl.DataFrame

    def without(self, view_ids: pl.Series) -> "ShardPlan":
        """Return the plan without some views, or itself if it contains none of them."""
        views = self.views.filter(~pl.col("view_id").is_in(view_ids.to_list()))
        return self if views.height == self.views.height else ShardPlan(self.folder, views)


def plan_shards(views: pl.DataFrame, image: ImageSpec) -> list[ShardPlan]:
    """Divide views into shards of one split, body part and label each, the largest first."""
    # an image larger than the limit gets a shard of its own
    limit = max(1, SHARD_LIMIT_BYTES // image.num_bytes)
    partitions = views.sort("view_id").partition_by(
        PARTITION_COLUMNS, as_dict=True, maintain_order=True
    )
    plans = [
        ShardPlan(partition_folder(*cast("tuple[str, str, int]", partition)), rows[members])
        for partition, rows in partitions.items()
        for members in _divide(rows["view_id"], limit)
    ]
    # the largest first, so that no worker starts a long task last
    return sorted(
        plans, key=lambda plan: (-plan.views.height, plan.folder, plan.views["view_id"][0])
    )


def _divide(view_ids: pl.Series, limit: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the row numbers of each shard, ascending."""
    digests = (hashlib.blake2b(view_id.encode(), digest_size=8).digest() for view_id in view_ids)
    # big-endian on every machine, so that shards do not depend on the processor
    hashes = np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)
    # the hashes are split by their leading bit until each shard is within the limit (the leaves of
    # a trie, as in extendible hashing), so adding or removing a view leaves all other shards alone
    order = np.argsort(hashes, kind="stable")
    ascending = hashes[order]
    # sorted, hashes with the same leading bits are adjacent
    pending = [(0, len(hashes), _HASH_BITS - 1)]
    while pending:
        start, end, bit = pending.pop()
        if end - start <= limit or bit < 0:
            yield np.sort(order[start:end])
            continue
        has_bit = ascending[start:end] >> np.uint64(bit) & np.uint64(1)
        middle = start + int(np.searchsorted(has_bit, 1))
        halves = ((start, middle), (middle, end))
        pending += [(first, last, bit - 1) for first, last in halves if first < last]
