"""Options of the commands that look at a lake, or use a finished run."""

import os
import re
from dataclasses import dataclass
from typing import Literal

import tyro

from shared.errors import UsageError
from shared.store import as_path, as_store
from trainer.options.fit import Images
from trainer.serve.addresses import is_loopback

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")


@dataclass(frozen=True)
class EdaOptions:
    """Look before training: one self-contained page of what a lake holds.

    Counts by part, label and split, studies and patients, source sizes, brightness, copies and
    rejects, the balance of folds, and a contact sheet. Nothing is decoded again.

    just eda

    just eda lake=lake out=lake.html images=off
    """

    lake: str = "lake"
    """The folder of the lake, or s3://bucket/path."""
    k: int = 5
    """Folds whose balance is shown."""
    seed: int = 0
    """Seed of the folds and of the views on the contact sheet."""
    images: Images = "on"
    """Whether the page shows radiographs, and so is as private as they are; `off` leaves out the
    contact sheet, and nothing else changes."""
    out: str = "eda.html"
    """The page to write."""

    def __post_init__(self) -> None:
        as_store(self.lake)
        as_path("out", self.out)
        if self.k < 2:
            raise UsageError(f"Expected 2 folds or more. Received: k={self.k}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"Expected a seed of 0 to 2147483647. Received: seed={self.seed}")


@dataclass(frozen=True)
class RunOptions:
    """Which finished run a command uses."""

    run: str = ""
    """The run folder; the newest finished one in runs/ unless told otherwise."""

    def __post_init__(self) -> None:
        as_path("run", self.run)


@dataclass(frozen=True)
class PredictOptions(RunOptions):
    """Tell normal from abnormal: probability and decision, by view and by study.

    PATHS are images, DICOM files, folders of a study or of many, or globs. Views of one folder are
    a study. Each image is prepared exactly as the lake that the model was trained on.

    just predict image.png

    just predict MURA-v1.1/valid run=runs/20260101-120000-train-wrist format=csv

    just predict study explain=maps
    """

    paths: tyro.conf.Positional[tuple[str, ...]] = ()
    """Images, DICOM files, folders or globs."""
    format: Literal["table", "json", "csv"] = "table"
    """How answers are printed."""
    explain: str = ""
    """A folder to write heat maps into: where in each view the model saw what it answered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("explain", self.explain)
        if not self.paths:
            raise UsageError(
                "Expected PATHS: images, DICOM files, folders or globs. Received: none"
            )
        for path in self.paths:
            as_path("paths", path)


@dataclass(frozen=True)
class ServeOptions(RunOptions):
    """Serve a model on a local web page and an HTTP API: probability, decision and heat maps.

    Uploaded views stay in memory, and nothing leaves this machine.

    just serve

    just serve run=runs/20260101-120000-train-wrist port=8080
    """

    host: str = "127.0.0.1"
    """The address to listen on; by default this machine only."""
    port: int = 7860
    """The port to listen on; 0 takes a free one."""
    max_views: int = 12
    """Files in one study at most."""
    limit_mb: int = 64
    """Megabytes of one file at most; a request may have four times as many."""
    token: str = ""
    """Demand this bearer token, of 16 characters or more; better given as the environment variable
    MURA_TOKEN, which other users of this machine cannot read."""
    open: Literal["no", "yes"] = "no"
    """Whether others than this machine may ask without a token, if host= lets them."""

    @property
    def bearer_token(self) -> str:
        """The token that requests must have; empty for none."""
        return self.token or os.environ.get("MURA_TOKEN", "")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bearer_token and not _TOKEN.fullmatch(self.bearer_token):
            raise UsageError(
                "Expected a token of 16 characters or more: ASCII letters, digits and -._~+/= "
                f"Received: one of {len(self.bearer_token)} characters"
            )
        if not (is_loopback(self.host) or self.bearer_token or self.open == "yes"):
            raise UsageError(
                "Expected token= or MURA_TOKEN, or open=yes, for others than this machine. "
                f"Received: host={self.host} without"
            )
        if not 0 <= self.port < 2**16:
            raise UsageError(f"Expected a port of 0 to 65535. Received: port={self.port}")
        for name in ("max_views", "limit_mb"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")


@dataclass(frozen=True)
class ExportOptions(RunOptions):
    """Export a model for other servers, with the preparation of pixels inside.

    It takes decoded grey images of any size, uint8 (batch, height, width, 1).

    just export format=saved_model

    just export run=runs/20260101-120000-train-wrist format=onnx out=wrist.onnx
    """

    format: Literal["saved_model", "tflite", "onnx"] = "saved_model"
    """TensorFlow's SavedModel, LiteRT's flatbuffer, or ONNX."""
    out: str = ""
    """What to write; by default beside the model in the run folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("out", self.out)
