"""Types of the tasks and results exchanged with workers; cheap to import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from shared.images.spec import ImageSpec
from shared.storage.store import Store

UNREADABLE = "unreadable"
"""Reject reason of a file that cannot be read; every run tries it again."""

DECIDE_ON_PIXELS = ("mura-lake", "opencv-python-headless", "simplejpeg", "isal")
"""Distributions whose version may change the stored pixels."""


class PlannedView(NamedTuple):
    """The columns of a scanned view that a worker needs."""

    view_id: str
    label: int
    source_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class ShardTask:
    """The views of one shard, in writing order.

    Attributes:
        folder: the partition's Hive-style folder.
        views: sorted by `view_id`.
    """

    folder: str
    views: list[PlannedView]


@dataclass(frozen=True)
class Job:
    """The parts common to all shards of a run: source, destination and image spec."""

    source: Store
    lake: Store
    image: ImageSpec


@dataclass(frozen=True)
class WrittenShard:
    """A completely written shard.

    Attributes:
        partial: the unpublished file, without records if every view was rejected; None if it has
            been published.
        content_digest: digest of its content.
        rows: manifest columns from decoding and writing, one dictionary a written view.
        rejects: path, reason and detail of each rejected view.
    """

    partial: Path | None
    content_digest: str
    rows: list[dict[str, Any]]
    rejects: list[tuple[str, str, str]]
