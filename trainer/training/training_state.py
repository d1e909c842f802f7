"""The training state of a fit: epochs, best weights, early stopping and resuming."""

import math
from typing import Any

import keras
import numpy as np

from shared.errors import TrainingError
from trainer.options import FitOptions
from trainer.runs.history import find_best
from trainer.training.checkpoint import Arrays, Checkpoint, State


class TrainingState:
    """Records a fit epoch by epoch and saves its state.

    The model must be compiled, with a built optimizer; it is restored from the checkpoint, if any.
    `rows` has one row per epoch, columns as in `trainer.runs.history.HISTORY_SCHEMA`.
    """

    def __init__(self, model: keras.Model, options: FitOptions, checkpoint: Checkpoint):
        self.model: Any = model  # keras has no stubs: its defaults would be taken for types
        self.options = options
        self.rows: list[dict[str, Any]] = []
        self._checkpoint = checkpoint
        self._best: Arrays = []
        self._validated: Arrays = []
        self._study_auroc: float | None = None
        self._has_ended = False
        if state := checkpoint.read():
            self.rows, self._best = state.rows, state.best
            self._has_ended = not state.current
            # `current` is empty after the fit has ended
            for variable, value in zip(self._variables(), state.current, strict=False):
                variable.assign(value)

    @property
    def num_epochs(self) -> int:
        """The number of finished epochs."""
        return self.rows[-1]["epoch"] if self.rows else 0

    @property
    def is_finished(self) -> bool:
        """Whether the fit has reached its number of epochs, or early stopping."""
        num_since_best = len(self.rows) - 1 - find_best(self.rows) if self.rows else 0
        return (
            self._has_ended
            or self.num_epochs >= self.options.epochs
            or num_since_best >= self.options.patience
        )

    def set_validated(self, study_auroc: float | None) -> None:
        """Record the current weights, an average if `ema=` is set, as those of the validation."""
        self._validated, self._study_auroc = self.model.get_weights(), study_auroc

    def add(self, row: dict[str, Any]) -> None:
        """Add a finished epoch, with the weights of its validation, and save the state.

        Raises:
            TrainingError: the validation loss is not finite.
        """
        if not math.isfinite(row["val_loss"]):
            raise TrainingError(
                f"Expected a finite validation loss. Received: val_loss={row['val_loss']} in epoch "
                f"{row['epoch']}"
            )
        self.rows.append(row | {"val_study_auroc": self._study_auroc})
        if find_best(self.rows) == len(self.rows) - 1:
            self._best = self._validated
        current = [np.asarray(variable) for variable in self._variables()]
        self._checkpoint.write(State(self.rows, self._best, current))

    def finish(self) -> Arrays:
        """Return the weights of the best epoch, and mark the checkpoint as finished."""
        if not self._has_ended:
            self._checkpoint.write(State(self.rows, self._best, []))
            self._has_ended = True
        return self._best

    def _variables(self) -> list[Any]:
        # the seeds of dropout are among the non-trainable ones
        model = self.model
        return [
            *model.trainable_variables,
            *model.non_trainable_variables,
            *model.optimizer.variables,
        ]
