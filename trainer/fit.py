"""Fit: a model is trained with early stopping on held-out views, and predicts views."""

import math
import re
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from shared.console import Progress
from shared.errors import TrainingError
from shared.lake import Lake
from shared.reader import ViewReader
from trainer.augment import augment_batches
from trainer.checkpoint import Checkpoint
from trainer.devices import share, start
from trainer.epochs import Course, EpochLog
from trainer.objective import objective
from trainer.options import FitOptions
from trainer.run_folder import CHECKPOINTS, TENSORBOARD
from trainer.sequential import sequential_batches
from trainer.split import FitPlan
from trainer.stream import numbered_batches, ordered_batches, shuffled_batches
from trainer.target import Truth, as_predictions, make_target, make_truth
from trainer.tensorboard import TensorBoardLog
from trainer.waiting import Waiting

_INFERENCE_BATCH = 64


@dataclass(frozen=True)
class Fitted:
    """A trained model with the weights of its best epoch.

    Attributes:
        history: one row an epoch, columns as in `trainer.epochs.HISTORY_SCHEMA`.
        predict: from rows of the manifest to what `trainer.target.as_predictions` gives.
        build: returns the model, from uint8 images (batch, size, size, 1) to probabilities
            (batch, 1), or (batch, n) of the target's n classes.
    """

    history: pl.DataFrame
    predict: Callable[[pl.DataFrame], pl.DataFrame]
    build: Callable[[], keras.Model]


@dataclass(frozen=True)
class Recipe:
    """From what a fit starts, and how fast it leaves that.

    Attributes:
        build: returns the model, from uint8 images (batch, size, size, 1) to probabilities.
        learning_rate: of Adam.
        counts_start: whether the model is good as it is, so that its weights may be the best.
    """

    build: Callable[[], keras.Model]
    learning_rate: float
    counts_start: bool = False


def fit(
    lake: Lake, recipe: Recipe, options: FitOptions, folder: Path, plan: FitPlan, title: str
) -> Fitted:
    """Train all of a model on a plan's train views; stop early on the loss of its validation views.

    A fit that was killed goes on after its last finished epoch, and ends with the same weights: all
    that is drawn depends on the seed and the number of the epoch.

    Args:
        lake: where the views' pixels are.
        recipe: what to start from.
        options: epochs, patience, batch and seed; devices and precision.
        folder: of the run; checkpoints and TensorBoard's logs are kept there.
        plan: what to train on, and what to validate on.
        title: what progress is called; no other fit of the run has the same.

    Raises:
        TrainingError: the loss is no longer a number, or there is no memory for a batch.
        CorruptLakeError: a view's pixels are not those that were written.
        WriteError: a checkpoint cannot be written.
    """
    start(options)
    with share(options.devices):
        model = _compile(recipe, options)
    name = re.sub(r"[^a-z0-9]+", "-", title.lower())
    course = Course(model, options.patience, Checkpoint(folder / CHECKPOINTS / f"{name}.npz"))
    if not course.is_over(options.epochs):
        log_folder = folder / TENSORBOARD / name
        _run_epochs(lake, model, recipe, options, plan, title, course, log_folder)
    best = recipe.build()  # not compiled, and on one device
    best.set_weights(course.end())
    return Fitted(course.history(), partial(predict, best, lake), lambda: best)


def _compile(recipe: Recipe, options: FitOptions) -> keras.Model:
    model: Any = recipe.build()  # keras has no stubs: its defaults would be taken for types
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        jit_compile=options.xla == "on",
        **objective(model.output_shape[-1]),
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _run_epochs(
    lake: Lake,
    model: Any,
    recipe: Recipe,
    options: FitOptions,
    plan: FitPlan,
    title: str,
    course: Course,
    log_folder: Path,
) -> None:
    with (
        ViewReader(lake, plan.train) as reader,
        ViewReader(lake, plan.validation) as validation,
        _plain_errors(reader, validation),
        closing(TensorBoardLog(log_folder)) as log,
    ):
        target = make_target(options.target, lake.manifest)
        truth, validation_truth = (
            make_truth(views, target, options.balance) for views in (plan.train, plan.validation)
        )
        validation_batches = ordered_batches(validation, options.batch, validation_truth)
        if recipe.counts_start and not course.rows:
            measured = model.evaluate(validation_batches, verbose=0, return_dict=True)
            course.add({"epoch": 0, **{f"val_{name}": value for name, value in measured.items()}})
        num_left = options.epochs - course.num_epochs
        waiting = Waiting()
        with Progress(title, num_left * (len(reader) + len(validation))) as progress:
            if course.num_epochs:
                progress.note(f"going on after epoch {course.num_epochs}")
            model.fit(
                waiting.measure(
                    _train_batches(lake, plan.train, reader, truth, options, course.num_epochs)
                ),
                steps_per_epoch=math.ceil(len(reader) / options.batch),
                validation_data=validation_batches,
                initial_epoch=course.num_epochs,
                epochs=options.epochs,
                shuffle=False,
                verbose=0,
                callbacks=[EpochLog(course, options, progress, len(reader), waiting, log.add)],
            )


def _train_batches(
    lake: Lake,
    views: pl.DataFrame,
    reader: ViewReader,
    truth: Truth,
    options: FitOptions,
    first_epoch: int,
) -> tf.data.Dataset:
    batch, seed = options.batch, options.seed
    if options.reader == "stream":
        batches = sequential_batches(lake, views, batch, seed, truth, first_epoch)
    else:
        batches = shuffled_batches(reader, batch, seed, truth, first_epoch)
    first_batch = first_epoch * math.ceil(len(reader) / batch)
    return augment_batches(batches, options.augment, seed, first_batch)


def predict(model: keras.Model, lake: Lake, views: pl.DataFrame) -> pl.DataFrame:
    """Return what `trainer.target.as_predictions` makes of a model's outputs for views.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
    """
    return as_predictions(views, infer(model, lake, views, "predict"))


def infer(
    model: keras.Model, lake: Lake, views: pl.DataFrame, stage: str, waiting: Waiting | None = None
) -> npt.NDArray[np.float32]:
    """Return what a model makes of each view, float32 (views, n), in the order of `views`.

    Args:
        model: from uint8 images (batch, size, size, 1).
        lake: where the views' pixels are.
        views: rows of its manifest.
        stage: what progress is called.
        waiting: counts the time spent waiting for images.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
    """
    outputs = np.full((views.height, model.output_shape[-1]), np.nan, np.float32)
    with (
        ViewReader(lake, views) as reader,
        _plain_errors(reader),
        Progress(stage, len(reader)) as progress,
    ):
        batches = numbered_batches(reader, _INFERENCE_BATCH)
        for images, rows in (waiting or Waiting()).iterate(batches):
            outputs[rows.numpy()] = model.predict_on_batch(images)
            progress.advance(len(images))
    return outputs


@contextmanager
def _plain_errors(*readers: ViewReader) -> Generator[None, None, None]:
    """Raise what went wrong in a line of ours, not in TensorFlow's many."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise TrainingError(
            "Expected memory for a batch. Received: none left; try a smaller batch="
        ) from None
    except tf.errors.OpError as error:
        for reader in readers:
            if isinstance(error, tf.errors.DataLossError):
                # TFRecordDataset knows the byte; reading by offset knows the view
                reader.check()
            if reader.damage:
                raise reader.damage from None
        raise
