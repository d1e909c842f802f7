"""Epochs: what is shown and kept of a fit while it runs."""

import math
import time
from collections.abc import Mapping
from typing import Any

import keras
import polars as pl

from shared.console import Progress
from shared.errors import TrainingError
from trainer.history import make_history


class EpochLog(keras.callbacks.Callback):
    """Shows a fit's progress and keeps its history; stops a fit that has no loss any more.

    Args:
        progress: where to show; its unit is images.
        num_views: how many views an epoch has.
        batch: how many views a batch has.
    """

    def __init__(self, progress: Progress, num_views: int, batch: int):
        super().__init__()
        self._progress, self._num_views, self._batch = progress, num_views, batch
        self._rows: list[dict[str, Any]] = []
        self._started_s = self._trained_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start the epoch's clock."""
        self._started_s = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the batch.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        self._trained_s = time.monotonic()
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise TrainingError(f"Expected a finite loss. Received: loss={(logs or {})['loss']}")
        self._progress.advance(min(self._batch, self._num_views - batch * self._batch))

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the validation batch."""
        self._progress.advance(self._batch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keep the epoch's figures and say them."""
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "seconds": time.monotonic() - self._started_s,
            "images_per_s": self._num_views / (self._trained_s - self._started_s),
        }
        self._rows.append(row)
        self._progress.note(
            f"epoch {row['epoch']}: loss {row['loss']:.4f}, validation loss {row['val_loss']:.4f}, "
            f"validation AUROC {row['val_auroc']:.3f}, {row['images_per_s']:,.0f} images/s"
        )

    def add_start(self, measured: Mapping[str, float]) -> None:
        """Keep, as epoch 0, how good the model was on validation views before it was trained."""
        self._rows.append({"epoch": 0, **{f"val_{n}": float(v) for n, v in measured.items()}})

    def history(self) -> pl.DataFrame:
        """Return the epochs so far, columns as in `trainer.history.HISTORY_SCHEMA`."""
        return make_history(self._rows)
