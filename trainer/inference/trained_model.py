"""TrainedModel: what a fit gives: answers to views, and the model that gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from trainer.data.target import predictions_table

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

Outputs = npt.NDArray[np.float64]
"""Probabilities of abnormal (rows, 1), or of classes (rows, n)."""


@dataclass(frozen=True)
class TrainedModel:
    """What was fitted, with the weights of its best epoch.

    Attributes:
        history: one row an epoch, columns as in `trainer.runs.history.HISTORY_SCHEMA`.
        answer: from rows of the manifest to probabilities in their order, as the kept model will
            give them.
        build: returns the model, from what its backbone makes of images to probabilities.
        build_backbone: returns the frozen backbone, from uint8 images (batch, size, size, 1) to
            features; None where the model itself takes images.
    """

    history: pl.DataFrame
    answer: Callable[[pl.DataFrame], Outputs]
    build: Callable[[], keras.Model]
    build_backbone: Callable[[], keras.Model] | None = None


def predict(members: Sequence[TrainedModel], views: pl.DataFrame) -> pl.DataFrame:
    """Return what `predictions_table` makes of the members' mean answer to views."""
    outputs = np.mean([member.answer(views) for member in members], axis=0)
    return predictions_table(views, outputs)


def build_model(members: Sequence[TrainedModel], tta: str) -> keras.Model:
    """Build what is kept: it answers as `predict` does.

    Args:
        members: of one kind, so that they have the same backbone if any.
        tta: as in `trainer.options.FitOptions`.

    Returns:
        From uint8 images (batch, size, size, 1) to probabilities (batch, outputs).
    """
    from trainer.models.ensemble import build_ensemble

    build_backbone = members[0].build_backbone
    backbone = build_backbone() if build_backbone else None
    return build_ensemble([member.build() for member in members], backbone, tta)
