"""The options of ingest and verify; importing them costs nothing heavy."""

import os
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from shared.errors import UsageError
from shared.image_spec import Contrast, Crop, Encoding, Fit, ImageSpec


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
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that decode; the lake is the same for any number."""

    def __post_init__(self) -> None:
        if not self.lake:
            raise UsageError("Expected a folder for the lake. Received: lake=")
        if self.workers < 1:
            raise UsageError(f"Expected at least one worker. Received: workers={self.workers}")
        _ = self.image

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
