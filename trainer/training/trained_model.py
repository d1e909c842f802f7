"""Fitted: what a fit gives: answers to views, and the model that gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from trainer.data.target import as_predictions

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none

Outputs = npt.NDArray[np.float64]
"""Probabilities of abnormal (rows, 1), or of classes (rows, n)."""


@dataclass(frozen=True)
class Fitted:
    """What was fitted, with the weights of its best epoch.

    Attributes:
        history: one row an epoch, columns as in `trainer.training.history.HISTORY_SCHEMA`.
        answer: from rows of the manifest to probabilities in their order, as the kept model will
            give them.
        build: returns the model, from what its trunk makes of images to probabilities.
        build_trunk: returns a frozen trunk that many a fit shares, from uint8 images (batch, size,
            size, 1) to features; None where the model itself takes images.
    """

    history: pl.DataFrame
    answer: Callable[[pl.DataFrame], Outputs]
    build: Callable[[], keras.Model]
    build_trunk: Callable[[], keras.Model] | None = None


def predict(members: Sequence[Fitted], views: pl.DataFrame) -> pl.DataFrame:
    """Return what `as_predictions` makes of the members' mean answer to views."""
    outputs = np.mean([member.answer(views) for member in members], axis=0)
    return as_predictions(views, outputs)


def build_model(members: Sequence[Fitted], flips: str) -> keras.Model:
    """Build what is kept: it answers as `predict` does.

    Args:
        members: of one kind, so that they have the same trunk if any.
        flips: as in `trainer.options.FitOptions`.

    Returns:
        From uint8 images (batch, size, size, 1) to probabilities (batch, outputs).
    """
    from trainer.models.ensemble import combine

    build_trunk = members[0].build_trunk
    trunk = build_trunk() if build_trunk else None
    return combine([member.build() for member in members], trunk, flips)
