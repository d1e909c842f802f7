"""The options of ingest and verify; importing them costs nothing heavy."""

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from shared.errors import UsageError
from shared.image_spec import Contrast, Crop, Encoding, Fit, ImageSpec

Duplicates = Literal["group", "drop", "fail"]


@dataclass(frozen=True)
class IngestOptions:
    """Decode every radiograph of a MURA tree once, into a lake.

    Each image becomes grey, is resized and stored in TFRecord shards by split, body part and
    label; a Parquet manifest says where each view lies. Run it again after a change or an
    interruption: only what is new is decoded.

    just ingest ~/data/MURA-v1.1

    just ingest ~/data/MURA-v1.1 size=224 lake=lake224
    """

    root: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ROOT")]
    """The folder MURA-v1.1, or the one it lies in."""
    lake: str = "lake"
    """The folder of the lake to make or bring up to date."""
    size: int = 320
    """Side of the stored square images, in pixels."""
    fit: Fit = "pad"
    """pad keeps the aspect and pads with black, stretch fills the square."""
    crop: Crop = "none"
    """field cuts each image to its collimated field: black or white borders go."""
    contrast: Contrast = "none"
    """percentile stretches the 1st to 99th to black and white, clahe equalizes in 8 x 8 tiles."""
    encoding: Encoding = "raw"
    """raw is read fastest, png takes less room and loses nothing, jpeg takes the least."""
    duplicates: Duplicates = "group"
    """group ties patients who share an image, drop keeps one copy, fail stops."""
    on_reject: Literal["warn", "fail"] = "warn"
    """fail stops at the first file that is no radiograph; warn lists them all."""
    max_rejects: int | None = None
    """Stop when more files than this are no radiographs."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that decode; the lake is the same for any number."""

    def __post_init__(self) -> None:
        if not self.lake:
            raise UsageError("Expected a folder for the lake. Received: lake=")
        if self.workers < 1:
            raise UsageError(f"Expected at least one worker. Received: workers={self.workers}")
        if self.max_rejects is not None and self.max_rejects < 0:
            raise UsageError(f"Expected 0 or more. Received: max_rejects={self.max_rejects}")
        _ = self.image

    @property
    def reject_limit(self) -> int | None:
        """How many files may be no radiographs; None for any number."""
        return 0 if self.on_reject == "fail" else self.max_rejects

    @property
    def image(self) -> ImageSpec:
        """How the lake's images are made."""
        return ImageSpec(self.size, self.fit, self.crop, self.contrast, self.encoding)


@dataclass(frozen=True)
class VerifyOptions:
    """Prove a lake whole: read every record, compare with manifest and lake.json.

    just verify

    just verify lake=lake224
    """

    lake: str = "lake"
    """The folder of the lake."""
