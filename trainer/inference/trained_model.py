"""A trained model: its history, its predictions, and a builder of the saved model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from trainer.data.target import predictions_table
from trainer.keras_import import keras
from trainer.models.ensemble import build_ensemble

Outputs = npt.NDArray[np.float64]
"""Probabilities of abnormal (rows, 1), or of classes (rows, n)."""


@dataclass(frozen=True)
class TrainedModel:
    """The result of a fit, with the weights of its best epoch.

    Attributes:
        history: one row per epoch, columns as in `trainer.runs.history.HISTORY_SCHEMA`.
        predict: returns the outputs for rows of the manifest, equal to those of the saved model.
        build: returns the model, from backbone features (or images, without a separate backbone) to
            probabilities.
        build_backbone: returns the frozen backbone, from uint8 images (batch, size, size, 1) to
            features; None if the model itself takes images.
        convert_backbone: returns the frozen backbone in TensorFlow Lite's format; empty if it
            cannot be converted.
        embed: returns the features of rows of the manifest by the frozen backbone, float32
            (rows, n); None if the model itself takes images.
    """

    history: pl.DataFrame
    predict: Callable[[pl.DataFrame], Outputs]
    build: Callable[[], keras.Model]
    build_backbone: Callable[[], keras.Model] | None = None
    convert_backbone: Callable[[], bytes] = bytes
    embed: Callable[[pl.DataFrame], npt.NDArray[np.float32]] | None = None


def predict(members: Sequence[TrainedModel], views: pl.DataFrame) -> pl.DataFrame:
    """Return the table of the members' mean predictions; see `predictions_table`."""
    outputs = np.mean([member.predict(views) for member in members], axis=0)
    return predictions_table(views, outputs)


def build_model(members: Sequence[TrainedModel], tta: str) -> keras.Model:
    """Build the model to be saved, with the predictions of `predict`.

    All members share one backbone, if any. The model takes uint8 images (batch, size, size, 1) and
    returns probabilities (batch, outputs).
    """
    build_backbone = members[0].build_backbone
    backbone = build_backbone() if build_backbone else None
    return build_ensemble([member.build() for member in members], backbone, tta)
