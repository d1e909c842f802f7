"""Epochs: what is shown, kept and decided after each epoch of a fit."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import polars as pl

from shared.console import Progress
from shared.errors import TrainingError
from trainer.checkpoint import Arrays, Checkpoint, State
from trainer.options import FitOptions
from trainer.waiting import Waiting

HISTORY_SCHEMA: dict[str, type[pl.DataType]] = {
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "accuracy": pl.Float64,
    "auroc": pl.Float64,
    "val_loss": pl.Float64,
    "val_accuracy": pl.Float64,
    "val_auroc": pl.Float64,
    "seconds": pl.Float64,
    "images_per_s": pl.Float64,
    "train_s": pl.Float64,
    "waiting_s": pl.Float64,
    "is_best": pl.Boolean,
}
"""One row an epoch; 0 is the start, where that is an epoch's equal. Of `seconds`, `train_s` are
without validation, and `waiting_s` of those are spent waiting for images; both null where epochs
read none. `is_best` marks the lowest validation loss."""


class Course:
    """The epochs of a fit: which is the best, when to stop, and how to go on after a kill.

    Args:
        model: compiled.
        patience: epochs without a lower validation loss before the fit ends.
        checkpoint: where to find and keep the state.
    """

    def __init__(self, model: keras.Model, patience: int, checkpoint: Checkpoint):
        self._model, self._patience, self._checkpoint = model, patience, checkpoint
        self.rows: list[dict[str, Any]] = []
        self._best: Arrays = []
        self._has_ended = False
        if state := checkpoint.read():
            self.rows, self._best = state.rows, state.best
            self._has_ended = not state.current
            for variable, value in zip(self._variables(), state.current, strict=False):
                variable.assign(value)

    @property
    def num_epochs(self) -> int:
        """How many epochs are done."""
        return self.rows[-1]["epoch"] if self.rows else 0

    def add(self, row: dict[str, Any]) -> None:
        """Add an epoch that has just ended, and keep the state.

        Raises:
            TrainingError: there is no validation loss any more.
            WriteError: the state cannot be kept.
        """
        if not math.isfinite(row["val_loss"]):
            raise TrainingError(
                f"Expected a finite validation loss. Received: val_loss={row['val_loss']} in epoch "
                f"{row['epoch']}"
            )
        self.rows.append(row)
        if self._index_of_best() == len(self.rows) - 1:
            self._best = self._model.get_weights()
        current = [np.asarray(variable) for variable in self._variables()]
        self._checkpoint.write(State(self.rows, self._best, current))

    def is_over(self, num_epochs: int) -> bool:
        """Return whether the fit has ended: by its number of epochs, or by patience."""
        num_since_best = len(self.rows) - 1 - self._index_of_best() if self.rows else 0
        return self._has_ended or self.num_epochs >= num_epochs or num_since_best >= self._patience

    def end(self) -> Arrays:
        """Return the weights of the best epoch; a run that goes on later will find them."""
        if not self._has_ended:
            self._checkpoint.write(State(self.rows, self._best, []))
            self._has_ended = True
        return self._best

    def history(self) -> pl.DataFrame:
        """Return the epochs so far, columns as in `HISTORY_SCHEMA`."""
        return make_history(self.rows)

    def _index_of_best(self) -> int:
        return int(np.argmin([row["val_loss"] for row in self.rows]))

    def _variables(self) -> list[Any]:
        """Return all that a step of training reads or changes: seeds of dropout included."""
        model: Any = self._model
        return [
            *model.trainable_variables,
            *model.non_trainable_variables,
            *model.optimizer.variables,
        ]


class EpochLog(keras.callbacks.Callback):
    """Shows a fit's progress and adds its epochs to its course; ends it when that is over.

    Args:
        course: of the fit.
        options: of the fit.
        progress: where to show; its unit is images.
        num_views: how many views an epoch has.
        waiting: of the pipeline of training batches.
        tell: is given each row.
    """

    def __init__(
        self,
        course: Course,
        options: FitOptions,
        progress: Progress,
        num_views: int,
        waiting: Waiting,
        tell: Callable[[Mapping[str, Any]], None],
    ):
        super().__init__()
        self._course, self._options, self._tell = course, options, tell
        self._progress, self._num_views = progress, num_views
        self._waiting, self._waited_s = waiting, 0.0
        self._started_s = self._trained_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start the epoch's clock."""
        self._started_s, self._waited_s = time.monotonic(), self._waiting.seconds

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the batch.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        self._trained_s = time.monotonic()
        so_far = logs or {}
        if not math.isfinite(so_far.get("loss", 0.0)):
            raise TrainingError(f"Expected a finite loss. Received: loss={so_far['loss']}")
        num_images = min(self._options.batch, self._num_views - batch * self._options.batch)
        self._progress.advance(
            num_images, f"loss {so_far['loss']:.3f}, AUROC {so_far['auroc']:.3f}"
        )

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the validation batch."""
        self._progress.advance(self._options.batch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keep the epoch's figures and say them."""
        train_s = self._trained_s - self._started_s
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "seconds": time.monotonic() - self._started_s,
            "images_per_s": self._num_views / train_s,
            "train_s": train_s,
            "waiting_s": self._waiting.seconds - self._waited_s,
        }
        self._course.add(row)
        self._tell(row)
        self._progress.note(
            f"epoch {row['epoch']}: loss {row['loss']:.4f}, validation loss {row['val_loss']:.4f}, "
            f"validation AUROC {row['val_auroc']:.3f}, {row['images_per_s']:,.0f} images/s"
        )
        # Keras asks for this attribute after each epoch
        self.model.stop_training = self._course.is_over(self._options.epochs)  # pyright: ignore[reportOptionalMemberAccess]  # set before any epoch


def make_history(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return epochs as a table, columns as in `HISTORY_SCHEMA`, the best one marked."""
    table = pl.DataFrame(rows, schema={n: t for n, t in HISTORY_SCHEMA.items() if n != "is_best"})
    return table.with_columns(is_best=pl.int_range(pl.len()) == pl.col("val_loss").arg_min())
