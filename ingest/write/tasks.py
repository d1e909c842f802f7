"""The tasks of workers and their results; cheap to import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from shared.images.spec import ImageSpec
from shared.storage.store import Store

UNREADABLE = "unreadable"
"""The reason of a file that cannot be read; it is tried again by every run."""

DECIDE_ON_PIXELS = ("mura-lake", "opencv-python-headless", "simplejpeg", "isal")
"""The distributions whose versions may change what is stored of an image."""


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
    """A shard that is whole.

    Attributes:
        partial: the finished file, without records if every view was rejected; None if there is
            none left to be published.
        content_digest: of its bytes.
        facts: what decoding and writing found out of each written view, by manifest column.
        rejects: path, reason and detail of each other view.
    """

    partial: Path | None
    content_digest: str
    facts: list[dict[str, Any]]
    rejects: list[tuple[str, str, str]]
