"""The options of ingest and verify; importing them loads no image or table library."""

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ingest.layout_options import LayoutName, make_layout
from ingest.sources.mura import LABEL_FROM_FOLDER
from shared.cluster.address import Engine, check_cluster
from shared.errors import UsageError
from shared.images.spec import Contrast, Crop, Depth, Encoding, Fit, ImageSpec, Mask
from shared.labels import OTHER_PART
from shared.storage.store import as_store

Duplicates = Literal["group", "drop", "fail"]
SplitConflict = Literal["leave_out", "fail"]


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

    just ingest labels.csv layout=table images=~/data/bones
    """

    root: Annotated[str, "ROOT"]
    """MURA-v1.1 or its parent, or s3://bucket/path; with layout=table, the table."""
    lake: str = "lake"
    """Folder, or s3://bucket/path, of the lake to create or update."""
    size: int = ImageSpec.size
    """Side of the stored square images in pixels, 16 to 2048."""
    fit: Fit = ImageSpec.fit
    """`pad` keeps the aspect ratio and adds black borders; `stretch` fills the square."""
    crop: Crop = ImageSpec.crop
    """`field` cuts off black or white borders around the exposed field; `none` keeps them."""
    mask: Mask = ImageSpec.mask
    """`markers` paints over burnt-in letters such as L and R; `none` keeps them."""
    contrast: Contrast = ImageSpec.contrast
    """`percentile` maps the 1st and 99th percentile of grey levels to black and white; `clahe`
    equalizes the histograms of 8 x 8 tiles."""
    encoding: Encoding = ImageSpec.encoding
    """Storage of pixels: `raw` reads fastest; `png` needs a quarter of the space; `jpeg`, with
    loss, a seventh."""
    depth: Depth = ImageSpec.depth
    """Bit depth of grey levels in 16-bit PNG files: `auto` finds one depth for all files, `file`
    one for each; a number, such as 12, is the depth of all."""
    layout: LayoutName = "mura"
    """Layout of ROOT: `mura`, MURA's folders; `folders`, such as train/abnormal/any/image.png;
    `table`, a CSV, TSV or Parquet file with a row per image."""
    splits: str = "all"
    """Splits to ingest: `all`, `train` or `valid`; or words for both, such as
    "train=train,val valid=test"."""
    parts: str = "all"
    """With layout=mura: `all`, or body parts to ingest, separated by commas: elbow,wrist."""
    label_from: str = LABEL_FROM_FOLDER
    """With layout=mura: origin of labels: `folder`, `index` files, or a CSV file of corrections."""
    body_part: str = OTHER_PART
    """With layout=folders or table: body part of all images, any name such as knee."""
    patient: str = ""
    """With layout=folders or table: regular expression that finds the patient in a path or column;
    by default, every image of a folder is its own patient."""
    labels: str = ""
    """With layout=folders or table: words for labels, such as "abnormal=fractured,1 normal=0"."""
    levels: str = ""
    """With layout=folders: folders from the top, of split, part, label, patient, study and *; by
    default split/label, or label with test_share."""
    images: str = ""
    """With layout=table: folder of the images; by default the folder of the table."""
    columns: str = ""
    """With layout=table: names of columns without a usual name: "path=file,label=y,patient=pid"."""
    test_share: float | None = None
    """With layout=folders or table: share of the views to draw as test by patient, 0 or more, below
    1."""
    seed: int = 0
    """Seed of the draw of test_share, 0 or more."""
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
        # both check their options
        make_layout(self)
        _ = self.image

    @property
    def image(self) -> ImageSpec:
        """The preprocessing and encoding of the lake's images."""
        return ImageSpec(
            self.size, self.fit, self.crop, self.mask, self.contrast, self.encoding, self.depth
        )


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
