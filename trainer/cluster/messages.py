"""Tasks sent to the nodes of a cluster, and their results."""

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
    """The facts that all tasks of a run share.

    Attributes:
        lake: by a path or URL that is valid on every node.
        lake_digest: the expected digest of that lake.
        options: of all fits.
        folder: of the run, an absolute path.
        identity: of the run; tells its folder from another folder with the same path on a node.
    """

    lake: Store
    lake_digest: str
    options: FitOptions
    folder: Path
    identity: str | None


@dataclass(frozen=True)
class EmbedTask:
    """A chunk of views to embed.

    Attributes:
        model: a key of `trainer.models.table.MODELS`.
        weights_key: identifies the model's weights.
        converted: the backbone for LiteRT; empty if Keras computes the embeddings.
        kind: of the images, see `trainer.features.embedder.list_kinds`.
        views: rows of the manifest.
    """

    model: str
    weights_key: str
    converted: bytes
    kind: str
    views: pl.DataFrame


@dataclass(frozen=True)
class FitTask:
    """One fit of a model on images.

    Attributes:
        model: a key of `trainer.models.table.MODELS`.
        weights_key: identifies the model's weights.
        plan: the train, validation and test views.
        title: of the fit, unique in the run.
        asked: sets of views to predict after the fit.
        head: the initial head of a staged fit.
        checkpoint: from an earlier, interrupted run.
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
    """The result of a fit on a node.

    Attributes:
        files: contents by path in the run's folder; empty if the node shares that folder.
        answers: predictions for each requested set of views.
    """

    files: dict[str, bytes]
    answers: list[Outputs]
