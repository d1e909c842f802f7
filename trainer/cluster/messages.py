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
    """The values that all tasks of a run share; the place of the lake is valid on every node."""

    lake: Store
    lake_digest: str
    options: FitOptions
    folder: Path
    # another folder on a node may have the same path
    identity: str | None


@dataclass(frozen=True)
class EmbedTask:
    """A chunk of views to embed; `converted` is empty if Keras computes the embeddings."""

    model: str
    weights_key: str
    converted: bytes
    variant: Variant
    views: pl.DataFrame


@dataclass(frozen=True)
class FitRequest:
    """A fit that the cross-validation will need, and the sets of views to predict after it."""

    model: str
    plan: FitPlan
    title: str
    views_to_predict: Sequence[pl.DataFrame]


@dataclass(frozen=True)
class FitTask(FitRequest):
    """One fit of a model on images."""

    weights_key: str
    # of a staged fit
    head: Head | None
    # of an interrupted run
    checkpoint: bytes | None


@dataclass(frozen=True)
class FitResult:
    """The outputs of a fit on a node, and its files by path in the run's folder.

    There are no files if the node shares the folder.
    """

    files: dict[str, bytes]
    outputs: list[Outputs]
