"""Shard task: what a worker process is given and what it gives back, cheap to import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from shared.image_spec import ImageSpec
from shared.store import Store

UNREADABLE = "unreadable"
"""The reason of a file that cannot be read; it is tried again by every run."""


class PlannedView(NamedTuple):
    """What a worker needs to know of a scanned view."""

    view_id: str
    label: int
    source_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class ShardTask:
    """The views of one shard, in the order in which they are written.

    Attributes:
        folder: the partition's Hive-style folder.
        views: sorted by `view_id`.
    """

    folder: str
    views: list[PlannedView]


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common: where from, where to, and how stored."""

    source: Store
    lake: Store
    image: ImageSpec


@dataclass(frozen=True)
class WrittenShard:
    """A shard that has no name yet.

    Attributes:
        partial: the finished file; without records if every view was rejected.
        content_digest: of its bytes.
        facts: what decoding and writing found out of each written view, by manifest column.
        rejects: path, reason and detail of each other view.
    """

    partial: Path
    content_digest: str
    facts: list[dict[str, Any]]
    rejects: list[tuple[str, str, str]]


def write_task(task: ShardTask, job: Job) -> WrittenShard:
    """Write one shard as `ingest.shard.write_shard` does.

    The decoders, slow to import, are imported only here: by workers, not by who hands out tasks.
    """
    from ingest.shard import write_shard

    return write_shard(task, job)


def publish_shard(shard: WrittenShard, lake: Store, path: str) -> None:
    """Give a written shard its place in the lake, on the host that wrote it.

    Raises:
        StoreError: the object store does not answer, or not as it should.
        WriteError: the lake cannot be written.
    """
    if shard.facts:
        lake.publish(shard.partial, path)
    else:
        shard.partial.unlink()
