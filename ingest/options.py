"""The options of ingest and verify; importing them loads no image or table library."""

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
from shared.images.depth import Depth
from shared.images.spec import Contrast, Crop, Encoding, Fit, ImageSpec
from shared.labels import MURA_PARTS, SPLITS, BodyPart
from shared.storage.store import as_store

Choice = TypeVar("Choice", bound=str)
Duplicates = Literal["group", "drop", "fail"]
SplitConflict = Literal["leave_out", "fail"]

_ONLY_WITH = {
    "parts": ("mura", "all"),
    "body_part": ("folders", "other"),
    "patient": ("folders", ""),
}
"""Options of a single layout: the layout and the option's default."""


def _count_processors() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True)
class IngestOptions:
    """Decode every radiograph of a MURA tree once, into a lake.

    Images are converted to grey, resized and written to TFRecord shards by split, body part and
    label. A Parquet manifest lists the shard and offset of each view. After a change of the tree or
    an interruption, the same command decodes only new and changed files.

    just ingest ~/data/MURA-v1.1

    just ingest ~/data/MURA-v1.1 size=224 lake=lake224

    just ingest ~/data/bones layout=folders 'patient=p([0-9]+)'
    """

    root: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ROOT")]
    """MURA-v1.1 or its parent, or s3://bucket/path; with layout=folders, the parent of train."""
    lake: str = "lake"
    """Folder, or s3://bucket/path, of the lake to create or update."""
    size: int = ImageSpec.size
    """Side of the stored square images in pixels, 16 to 2048."""
    fit: Fit = ImageSpec.fit
    """`pad` keeps the aspect ratio and adds black borders; `stretch` fills the square."""
    crop: Crop = ImageSpec.crop
    """`field` cuts off black or white borders around the exposed field; `none` keeps them."""
    contrast: Contrast = ImageSpec.contrast
    """`percentile` maps the 1st and 99th percentile of grey levels to black and white; `clahe`
    equalizes the histograms of 8 x 8 tiles."""
    encoding: Encoding = ImageSpec.encoding
    """Storage of pixels: `raw` reads fastest; `png` needs a quarter of the space; `jpeg`, with
    loss, a seventh."""
    depth: Depth = ImageSpec.depth
    """Bits of the samples in 16-bit PNG files: `auto` finds one depth for all files, `file` one for
    each; a number, such as 12, is the depth of all."""
    layout: Literal["mura", "folders"] = "mura"
    """Layout of ROOT: `mura`, MURA's folders; `folders`, such as train/abnormal/any/image.png."""
    splits: str = "all"
    """Splits to ingest: `all`, `train` or `valid`."""
    parts: str = "all"
    """With layout=mura: `all`, or body parts to ingest, separated by commas: elbow,wrist."""
    body_part: BodyPart = "other"
    """With layout=folders: body part of all images."""
    patient: str = ""
    """With layout=folders: regular expression that finds the patient in a path; by default, every
    image is its own patient."""
    duplicates: Duplicates = "group"
    """Identical images: `group` joins their patients in one group; `drop` also leaves out copies
    and contradictory labels; `fail` aborts."""
    split_conflict: SplitConflict = "leave_out"
    """Patients in both splits: `leave_out` rejects their train views; `fail` aborts."""
    max_rejects: int | None = None
    """Abort if more than this many files are rejected, 0 or more; by default no limit."""
    workers: int = field(default_factory=_count_processors)
    """Number of decoding processes, 1 or more; it does not change the lake. By default one per
    core."""
    engine: Engine = "local"
    """`local` decodes on this machine, `ray` on the nodes of a Ray cluster."""
    address: str = ""
    """Ray cluster: auto, host:port or ray://host:port; by default, Ray starts on this machine."""

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
                "Expected workers only without address, because a cluster uses all its processors. "
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
        # both properties check their options
        _ = self.image, self.tree_layout

    @property
    def tree_layout(self) -> Layout:
        """The layout of the tree, limited to the selected splits and body parts."""
        splits = _choose("splits", self.splits, SPLITS)
        if self.layout == "mura":
            return MuraLayout(_choose("parts", self.parts, MURA_PARTS), splits)
        return FoldersLayout(self.body_part, _compile(self.patient), splits)

    @property
    def image(self) -> ImageSpec:
        """The preprocessing and encoding of the lake's images."""
        return ImageSpec(self.size, self.fit, self.crop, self.contrast, self.encoding, self.depth)


def _choose(key: str, text: str, allowed: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the words of a comma-separated list, in the order of `allowed`."""
    if text == "all":
        return tuple(allowed)
    chosen = {name.strip() for name in text.split(",")}
    if chosen - set(allowed):
        raise UsageError(
            f"Expected {key} to be all, or a comma-separated list of {', '.join(allowed)}. "
            f"Received: {key}={text}"
        )
    return tuple(name for name in allowed if name in chosen)


def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern else None
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"Expected patient to be a regular expression. Received: patient={pattern}, {error}"
        ) from None


@dataclass(frozen=True)
class VerifyOptions:
    """Verify every record, checksum, count and digest of a lake.

    just verify

    just verify lake=lake224

    just verify source=~/data/MURA-v1.1
    """

    lake: str = "lake"
    """Folder of the lake, or s3://bucket/path."""
    source: str = ""
    """Source tree of the lake, to compare each view with its file; by default no comparison."""

    def __post_init__(self) -> None:
        for place in (self.lake, self.source):
            as_store(place)
