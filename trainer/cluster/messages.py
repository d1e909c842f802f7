"""Tasks sent to the nodes of a cluster, and their results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared.storage.store import Store
from trainer.data.split import FitPlan
from trainer.features.heads import Head
from trainer.features.variants import Variant
from trainer.inference.trained_model import Outputs
from trainer.options import FitOptions


@dataclass(frozen=True)
class Job:
    """The values that all tasks of a run share.

    Attributes:
        lake: path or URL of the lake, valid on every node.
        identity: identity of the run; another folder on a node may have the same path.
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
    """

    model: str
    weights_key: str
    converted: bytes
    variant: Variant
    views: pl.DataFrame


@dataclass(frozen=True)
class FitRequest:
    """A fit that the cross-validation will need.

    Attributes:
        model: a key of `trainer.models.table.MODELS`.
        views_to_predict: sets of views to predict after the fit.
    """

    model: str
    plan: FitPlan
    title: str
    views_to_predict: Sequence[pl.DataFrame]


@dataclass(frozen=True)
class FitTask(FitRequest):
    """One fit of a model on images.

    Attributes:
        weights_key: identifies the model's weights.
        checkpoint: checkpoint of an interrupted run.
    """

    weights_key: str
    head: Head | None
    checkpoint: bytes | None


@dataclass(frozen=True)
class FitResult:
    """The result of a fit on a node.

    Attributes:
        files: contents by path in the run's folder; empty if the node shares that folder.
    """

    files: dict[str, bytes]
    outputs: list[Outputs]
