"""Keras callbacks and logs: progress, validation, the record of each epoch, the learning rate."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import polars as pl
import tensorflow as tf

from shared.cluster.task_status import say_status
from shared.errors import TrainingError
from shared.progress import Progress
from trainer.data.input_wait import InputWait
from trainer.data.split import FitPlan
from trainer.data.target import abnormal_probability
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.scored_table import study_probability, to_arrays
from trainer.training.optimizer import plateau_factor
from trainer.training.training_state import TrainingState

_METRICS = ("loss", "accuracy", "auroc")


class ProgressCallback(keras.callbacks.Callback):
    """Shows the progress of a fit, records its epochs, and stops it early."""

    def __init__(
        self,
        state: TrainingState,
        progress: Progress,
        plan: FitPlan,
        input_wait: InputWait,
        log_epoch: Callable[[Mapping[str, Any]], None],
    ):
        super().__init__()
        self._state, self._log_epoch = state, log_epoch
        self._progress, self._batch = progress, state.options.batch_size
        self._num_views, self._num_validation = plan.train.height, plan.validation.height
        self._input_wait, self._waited_s = input_wait, 0.0
        self._started_s = self._trained_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start the epoch's clock."""
        self._started_s, self._waited_s = time.monotonic(), self._input_wait.seconds

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the batch, or raise TrainingError for a loss that is not finite."""
        self._trained_s = time.monotonic()
        metrics = logs or {}
        if not math.isfinite(metrics["loss"]):
            raise TrainingError(f"Expected a finite loss. Received: loss={metrics['loss']}")
        status = f"loss {metrics['loss']:.3f}, AUROC {metrics['auroc']:.3f}"
        self._progress.advance(self._count(batch, self._num_views), status)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the validation batch."""
        self._progress.advance(self._count(batch, self._num_validation))

    def _count(self, batch: int, num_views: int) -> int:
        # the last batch may be smaller
        return min(self._batch, num_views - batch * self._batch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Save and print the metrics of the epoch."""
        train_s = self._trained_s - self._started_s
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "seconds": time.monotonic() - self._started_s,
            "images_per_s": self._num_views / train_s,
            "train_s": train_s,
            "waiting_s": self._input_wait.seconds - self._waited_s,
        }
        self._state.add(row)
        self._log_epoch(row)
        summary = (
            f"epoch {row['epoch']}: loss {row['loss']:.4f}, validation loss {row['val_loss']:.4f}, "
            f"validation AUROC {row['val_auroc']:.3f}, {row['images_per_s']:,.0f} images/s"
        )
        self._progress.note(summary)
        say_status(summary)
        # Keras reads this attribute after each epoch
        self._state.model.stop_training = self._state.is_finished


class ValidationCallback(keras.callbacks.Callback):
    """Records the weights of each validation and, with `keep=study_auroc`, its study AUROC."""

    def __init__(self, state: TrainingState, batches: tf.data.Dataset, views: pl.DataFrame):
        super().__init__()
        self._state, self._batches, self._views = state, batches, views
        # not `predict_on_batch`, which predicts the batch once on each of several devices
        self._predict = tf.function(lambda images: state.model(images, training=False))

    def on_test_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Record the validation."""
        is_needed = self._state.options.keep == "study_auroc"
        self._state.set_validated(self._measure_study_auroc() if is_needed else None)

    def _measure_study_auroc(self) -> float | None:
        outputs = np.concatenate([self._predict(images) for images, *_ in self._batches])
        views = self._views.with_columns(probability=pl.Series(abnormal_probability(outputs)))
        studies = views.group_by("study_id", maintain_order=True).agg(
            pl.col("label").first(), study_probability().alias("probability")
        )
        return measure_auroc(*to_arrays(studies))


def schedule(state: TrainingState, learning_rate: float) -> list[keras.callbacks.Callback]:
    """Return the callback that sets the learning rate of each epoch with `schedule=plateau`."""

    def choose_rate(*_: Any) -> float:
        return learning_rate * plateau_factor([row["val_loss"] for row in state.rows])

    is_needed = state.options.schedule == "plateau"
    return [keras.callbacks.LearningRateScheduler(choose_rate)] if is_needed else []


class TensorBoardLog:
    """Writes the metrics of epochs for TensorBoard while a fit runs."""

    def __init__(self, folder: Path):
        # a subfolder each, so that TensorBoard draws training and validation in one chart
        self._writers = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for prefix, name in (("", "training"), ("val_", "validation"))
        }

    def add(self, row: Mapping[str, Any]) -> None:
        """Add an epoch, with columns as in `HISTORY_SCHEMA`."""
        for prefix, writer in self._writers.items():
            with writer.as_default(step=row["epoch"]):
                for name in _METRICS:
                    if (value := row.get(f"{prefix}{name}")) is not None:
                        tf.summary.scalar(name, value)
            # a running TensorBoard shows the epoch at once
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
