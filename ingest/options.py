"""The options of ingest and verify; importing them costs nothing heavy."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import tyro

from ingest.sources.folders import FoldersLayout
from ingest.sources.layout import Layout
from ingest.sources.mura import MuraLayout
from shared.cluster.address import Engine, check_cluster
from shared.errors import UsageError
from shared.images.spec import Contrast, Crop, Encoding, Fit, ImageSpec
from shared.labels import MURA_PARTS, SPLITS, BodyPart
from shared.storage.store import as_store

Word = TypeVar("Word", bound=str)
Duplicates = Literal["group", "drop", "fail"]
SplitConflict = Literal["leave_out", "fail"]

_ONLY_WITH = {
    "parts": ("mura", "all"),
    "body_part": ("folders", "other"),
    "patient": ("folders", ""),
}
"""Options that only one layout has, with their defaults."""


def _count_processors() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True)
class IngestOptions:
    """Decode every radiograph of a MURA tree once, into a lake.

    Each image becomes grey, is resized and stored in TFRecord shards by split, body part and
    label; a Parquet manifest says where each view lies. Run it again after a change or an
    interruption: only what is new is decoded.

    just ingest ~/data/MURA-v1.1

    just ingest ~/data/MURA-v1.1 size=224 lake=lake224

    just ingest ~/data/bones layout=folders 'patient=p([0-9]+)'
    """

    root: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ROOT")]
    """The folder MURA-v1.1 or its parent, or s3://bucket/path; with layout=folders of train."""
    lake: str = "lake"
    """The folder, or s3://bucket/path, of the lake to make or bring up to date."""
    size: int = 320
    """Side of the stored square images, in pixels."""
    fit: Fit = "pad"
    """pad keeps the aspect on black, stretch fills."""
    crop: Crop = "none"
    """field cuts black or white borders off."""
    contrast: Contrast = "none"
    """percentile stretches 1 to 99 %; clahe equalizes tiles."""
    encoding: Encoding = "raw"
    """raw reads fastest, png and jpeg take less room."""
    layout: Literal["mura", "folders"] = "mura"
    """folders: train/abnormal/any/image.png."""
    splits: str = "all"
    """Only these of train, valid."""
    parts: str = "all"
    """Only these body parts, e.g. elbow,wrist."""
    body_part: BodyPart = "other"
    """With layout=folders: of all images."""
    patient: str = ""
    """With layout=folders: regex for the patient in a path."""
    duplicates: Duplicates = "group"
    """group ties their patients, drop keeps one, fail stops."""
    split_conflict: SplitConflict = "leave_out"
    """leave_out rejects train views of patients in valid, fail stops."""
    max_rejects: int | None = None
    """Abort if more than this many files are rejected; no limit by default."""
    workers: int = field(default_factory=_count_processors)
    """Processes that decode; any number, the same lake."""
    engine: Engine = "local"
    """ray decodes on the nodes of a Ray cluster."""
    address: str = ""
    """Of the cluster: auto, host:port or ray://host:port; by default one that is started here."""

    def __post_init__(self) -> None:
        if not self.lake:
            raise UsageError("Expected a folder for the lake. Received: lake=")
        for place in (self.root, self.lake):
            as_store(place)
        if self.workers < 1:
            raise UsageError(f"Expected at least one worker. Received: workers={self.workers}")
        check_cluster(self.engine, self.address)
        if self.address and self.workers != _count_processors():
            raise UsageError(
                "Expected workers only without address, for a cluster uses the processors it has. "
                f"Received: workers={self.workers} address={self.address}"
            )
        if self.max_rejects is not None and self.max_rejects < 0:
            raise UsageError(f"Expected 0 or more. Received: max_rejects={self.max_rejects}")
        for key, (layout, default) in _ONLY_WITH.items():
            if self.layout != layout and (value := getattr(self, key)) != default:
                raise UsageError(
                    f"Expected {key} only with layout={layout}. "
                    f"Received: {key}={value} layout={self.layout}"
                )
        # both refuse what they cannot be made of
        _ = self.image, self.tree_layout

    @property
    def tree_layout(self) -> Layout:
        """How the tree's paths are read, and which of them."""
        splits = _choose("splits", self.splits, SPLITS)
        if self.layout == "mura":
            return MuraLayout(_choose("parts", self.parts, MURA_PARTS), splits)
        return FoldersLayout(self.body_part, _compile(self.patient), splits)

    @property
    def image(self) -> ImageSpec:
        """How the lake's images are made."""
        return ImageSpec(self.size, self.fit, self.crop, self.contrast, self.encoding)


def _choose(key: str, words: str, allowed: Sequence[Word]) -> tuple[Word, ...]:
    """Return what is chosen by a list of words with commas, in the order of `allowed`."""
    if words == "all":
        return tuple(allowed)
    chosen = {word.strip() for word in words.split(",")}
    if chosen - set(allowed):
        raise UsageError(
            f"Expected {key} to be all, or some of {', '.join(allowed)} with commas between. "
            f"Received: {key}={words}"
        )
    return tuple(word for word in allowed if word in chosen)


def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern else None
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"Expected patient to be a regular expression. Received: patient={pattern}, {error}"
        ) from None


@dataclass(frozen=True)
class VerifyOptions:
    """Prove a lake whole: read every record, compare with manifest and lake.json.

    just verify

    just verify lake=lake224

    just verify source=~/data/MURA-v1.1
    """

    lake: str = "lake"
    """The folder of the lake, or s3://bucket/path."""
    source: str = ""
    """The tree it was made from: compare each view with its file."""

    def __post_init__(self) -> None:
        for place in (self.lake, self.source):
            as_store(place)
