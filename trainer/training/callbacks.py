"""Keras callback that shows progress and records each epoch."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from shared.cluster.task_status import say_status
from shared.errors import TrainingError
from shared.progress import Progress
from trainer.data.input_wait import InputWait
from trainer.training.training_state import TrainingState


class ProgressCallback(keras.callbacks.Callback):
    """Shows the progress of a fit, records its epochs, and stops it early."""

    def __init__(
        self,
        state: TrainingState,
        progress: Progress,
        num_views: int,
        input_wait: InputWait,
        log_epoch: Callable[[Mapping[str, Any]], None],
    ):
        super().__init__()
        self._state, self._log_epoch = state, log_epoch
        self._progress, self._num_views, self._batch = progress, num_views, state.options.batch_size
        self._input_wait, self._waited_s = input_wait, 0.0
        self._started_s = self._trained_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start the epoch's clock."""
        self._started_s, self._waited_s = time.monotonic(), self._input_wait.seconds

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the batch.

        Raises:
            TrainingError: the loss is not finite.
        """
        self._trained_s = time.monotonic()
        metrics = logs or {}
        if not math.isfinite(metrics["loss"]):
            raise TrainingError(f"Expected a finite loss. Received: loss={metrics['loss']}")
        num_images = min(self._batch, self._num_views - batch * self._batch)
        status = f"loss {metrics['loss']:.3f}, AUROC {metrics['auroc']:.3f}"
        self._progress.advance(num_images, status)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the validation batch."""
        self._progress.advance(self._batch)

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
