"""Messages: what a node is given of a cross-validation, and gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared.storage.store import Store
from trainer.data.split import FitPlan
from trainer.features.head_training import TrainedHead
from trainer.inference.trained_model import Outputs
from trainer.options import FitOptions


@dataclass(frozen=True)
class Job:
    """What all tasks of a run have in common.

    Attributes:
        lake: where the views' pixels are, by the name that it has from everywhere.
        lake_digest: of what must lie there.
        options: of all fits.
        folder: of the run, an absolute path.
        identity: of the run, by which a node knows the folder from another of the same path.
    """

    lake: Store
    lake_digest: str
    options: FitOptions
    folder: Path
    identity: str | None


@dataclass(frozen=True)
class EmbedTask:
    """A chunk of views to be embedded.

    Attributes:
        model: a key of `trainer.models.MODELS`.
        weights_key: tells the model's weights from others.
        kind: of the images, see `trainer.features.frozen_backbone.list_kinds`.
        views: rows of the manifest.
    """

    model: str
    weights_key: str
    kind: str
    views: pl.DataFrame


@dataclass(frozen=True)
class FitTask:
    """One fit of a model on images.

    Attributes:
        model: a key of `trainer.models.MODELS`.
        weights_key: tells the model's weights from others.
        plan: what to fit to.
        title: what the fit is called; no other of the run has the same.
        asked: views to answer once it is fitted.
        head: from which a staged fit starts.
        checkpoint: what an earlier run has left of the fit.
    """

    model: str
    weights_key: str
    plan: FitPlan
    title: str
    asked: Sequence[pl.DataFrame]
    head: TrainedHead | None
    checkpoint: bytes | None


@dataclass(frozen=True)
class FitResult:
    """What a fit ends with.

    Attributes:
        files: contents by path in the run's folder; empty where the node has that folder itself.
        answers: of the fitted model to the views it was asked about.
    """

    files: dict[str, bytes]
    answers: list[Outputs]
