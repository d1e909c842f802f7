"""Types of the tasks and results exchanged with workers; cheap to import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from shared.images.spec import ImageSpec
from shared.storage.store import Store

# reject reason of a file that cannot be read; every run tries it again
UNREADABLE = "unreadable"

# kind of a finding: a DICOM file is not displayed as it asks for
DISPLAY = "display"

# distributions whose version may change the stored pixels
DECIDE_ON_PIXELS = (
    "mura-lake",
    "opencv-python-headless",
    "simplejpeg",
    "deflate",
    "pydicom",
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
)


class PlannedView(NamedTuple):
    """The columns of a scanned view that a worker needs."""

    view_id: str
    label: int
    source_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class ShardTask:
    """The views of one shard, sorted by `view_id`, and the partition's Hive-style folder."""

    folder: str
    views: list[PlannedView]


@dataclass(frozen=True)
class Job:
    """The parts common to all shards of a run.

    Attributes:
        names_patients: whether paths identify patients; if not, DICOM files identify their patient
            and study themselves.
    """

    source: Store
    lake: Store
    image: ImageSpec
    names_patients: bool = True


@dataclass(frozen=True)
class WrittenShard:
    """A completely written shard.

    Attributes:
        partial: the unpublished file, without records if every view was rejected; None if it has
            been published.
        rows: manifest columns from decoding and writing, one dictionary a written view.
        rejects: path, reason and detail of each rejected view.
        notes: kind, path and detail of each deviation from the display that a file asks for.
    """

    partial: Path | None
    content_digest: str
    rows: list[dict[str, Any]]
    rejects: list[tuple[str, str, str]]
    notes: list[tuple[str, str, str]]
