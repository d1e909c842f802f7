"""Options of the commands that use a finished run."""

import os
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from shared.counts import count
from shared.errors import UsageError
from shared.storage.store import as_path
from trainer.hosts import is_loopback
from trainer.options.checks import check_minimum, check_range, usage_error

# the characters of bearer tokens in RFC 6750, section 2.1
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")

Engine = Literal["auto", "litert", "keras"]


@dataclass(frozen=True)
class RunOptions:
    """The finished run to use."""

    run: str = ""
    """Folder of a finished run; by default the newest one in runs/."""

    def __post_init__(self) -> None:
        as_path("run", self.run)


@dataclass(frozen=True)
class PredictorOptions(RunOptions):
    """The finished run to use for predictions, and the runtime of its model."""

    engine: Engine = "auto"
    """`litert` predicts on the CPU without TensorFlow, `keras` with TensorFlow; `auto` selects
    `keras` for 256 views or more on a GPU, and for a run without `model.tflite`."""


@dataclass(frozen=True)
class PredictOptions(PredictorOptions):
    """Predict normal or abnormal: calibrated probability and decision for each view and study.

    PATHS are images, DICOM files, folders or globs. The views in one folder form a study. Images
    are preprocessed exactly as during the ingest of the training data.

    just predict image.png

    just predict MURA-v1.1/valid run=runs/20260101-120000-train-wrist format=csv

    just predict study explain=maps
    """

    paths: Annotated[tuple[str, ...], "PATH ..."] = ()
    """Images, DICOM files, folders or globs."""
    format: Literal["table", "json", "csv"] = "table"
    """Output format: tables, one JSON object, or one CSV table."""
    explain: str = ""
    """Folder for one heat map per view; by default none is written. A heat map marks the regions
    that raise the probability of abnormal."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("explain", self.explain)
        # an unset variable of a shell is not the current folder
        if not all(self.paths or [""]):
            shown = "an empty path" if self.paths else "none"
            raise UsageError(
                f"Expected PATHS: images, DICOM files, folders or globs. Received: {shown}"
            )
        for path in self.paths:
            as_path("paths", path)


@dataclass(frozen=True)
class ServeOptions(PredictorOptions):
    """Serve a model on a local web page and an HTTP API: probability, decision and heat maps.

    Uploaded views are held in memory only, and nothing is sent to other machines.

    just serve

    just serve run=runs/20260101-120000-train-wrist port=8080
    """

    host: str = "127.0.0.1"
    """Address to listen on; the default accepts connections from this machine only."""
    port: int = 7860
    """Port to listen on, 0 to 65535; 0 selects a free port."""
    max_views: int = 12
    """Maximum number of files in a study, 1 or more."""
    limit_mb: int = 64
    """Maximum size of a file in MB, 1 or more; a request may have four times this size."""
    token: str = ""
    """Bearer token that requests must carry, 16 characters or more. Prefer the environment variable
    MURA_TOKEN: other users of this machine can read command lines."""
    open: Literal["no", "yes"] = "no"
    """`yes` allows requests from other machines without a token, if host= accepts them."""

    @property
    def bearer_token(self) -> str:
        """The token that requests must carry; empty for none."""
        return self.token or os.environ.get("MURA_TOKEN", "")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bearer_token and not _TOKEN.fullmatch(self.bearer_token):
            raise UsageError(
                "Expected a token of 16 characters or more: ASCII letters, digits and -._~+/= "
                f"Received: {count(len(self.bearer_token), 'characters')}"
            )
        if not (is_loopback(self.host) or self.bearer_token or self.open == "yes"):
            expected = "token=, MURA_TOKEN or open=yes for a host that other machines can reach"
            raise usage_error(self, expected, "host")
        check_range(self, "0 to 65535", lambda port: 0 <= port < 2**16, "port")
        check_minimum(self, 1, "max_views", "limit_mb")


@dataclass(frozen=True)
class ExportOptions(RunOptions):
    """Export a model with its image preprocessing, for other inference servers.

    The exported model takes decoded grey images of any size, uint8 (batch, height, width, 1).

    just export format=saved_model

    just export run=runs/20260101-120000-train-wrist format=onnx out=wrist.onnx
    """

    format: Literal["saved_model", "tflite", "onnx"] = "saved_model"
    """Format: TensorFlow SavedModel, TensorFlow Lite (for LiteRT), or ONNX."""
    out: str = ""
    """File or folder to write; by default saved_model, export.tflite or export.onnx in the run
    folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        as_path("out", self.out)
