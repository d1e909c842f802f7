"""Fit: a model is trained with early stopping on held-out views, and predicts views."""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from shared.console import Progress
from shared.errors import TrainingError
from shared.lake import Lake
from shared.reader import ViewReader
from trainer.epochs import EpochLog
from trainer.fitted import Fitted, Outputs
from trainer.heads import tell_abnormal
from trainer.models.combine import combine
from trainer.options import FitOptions
from trainer.sequential import sequential_batches
from trainer.split import FitPlan
from trainer.stream import numbered_batches, ordered_batches, shuffled_batches

_INFERENCE_BATCH = 64


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


def start(seed: int) -> None:
    """Begin anew: what TensorFlow draws from now on depends on the seed alone."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(lake: Lake, recipe: Recipe, options: FitOptions, plan: FitPlan, title: str) -> Fitted:
    """Train all of a model on a plan's train views; stop early on the loss of its validation views.

    Args:
        lake: where the views' pixels are.
        recipe: what to start from.
        options: epochs, patience, batch and seed; flips of answers.
        plan: what to train on, and what to validate on.
        title: what progress is called.

    Raises:
        TrainingError: the loss is no longer a number.
        CorruptLakeError: a view's pixels are not those that were written.
    """
    start(options.seed)
    model = _compile(recipe)
    with (
        ViewReader(lake, plan.train) as reader,
        ViewReader(lake, plan.validation) as validation,
        _plain_errors(reader, validation),
        Progress(title, options.epochs * (len(reader) + len(validation))) as progress,
    ):
        log = EpochLog(progress, len(reader), options.batch)
        stopping = keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=options.patience, restore_best_weights=True
        )
        validation_batches = ordered_batches(validation, options.batch)
        start_weights, start_loss = model.get_weights(), math.inf
        if recipe.counts_start:
            measured = model.evaluate(validation_batches, verbose=0, return_dict=True)  # pyright: ignore[reportArgumentType]  # keras has no stubs; 0 is allowed
            log.add_start(measured)
            start_loss = measured["loss"]
        model.fit(
            _train_batches(lake, plan.train, reader, options),
            steps_per_epoch=math.ceil(len(reader) / options.batch),
            validation_data=validation_batches,
            epochs=options.epochs,
            shuffle=False,
            verbose=0,  # pyright: ignore[reportArgumentType]  # keras has no stubs; 0 is allowed
            callbacks=[stopping, log],
        )
    history = log.history()
    if history["val_loss"].min() == start_loss:
        model.set_weights(start_weights)
    answering = combine([model], flips=options.flips)
    return Fitted(history, lambda views: _answer(answering, lake, views), lambda: model)


def _train_batches(
    lake: Lake, views: pl.DataFrame, reader: ViewReader, options: FitOptions
) -> tf.data.Dataset:
    if options.reader == "stream":
        return sequential_batches(lake, views, options.batch, options.seed)
    return shuffled_batches(reader, options.batch, options.seed)


def _compile(recipe: Recipe) -> keras.Model:
    model = recipe.build()
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(name="auroc")],
    )
    return model


def _answer(model: keras.Model, lake: Lake, views: pl.DataFrame) -> Outputs:
    return infer(model, lake, views, "predict").astype(np.float64)


def predict(model: keras.Model, lake: Lake, views: pl.DataFrame) -> pl.DataFrame:
    """Return `view_id` and `probability` (of abnormal, Float64) of each view, in any order.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
    """
    probabilities = tell_abnormal(_answer(model, lake, views))
    return views.select("view_id").with_columns(probability=pl.Series(probabilities))


def infer(
    model: keras.Model, lake: Lake, views: pl.DataFrame, stage: str
) -> npt.NDArray[np.float32]:
    """Return what a model makes of each view, float32 (views, n), in the order of `views`.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
    """
    outputs = np.full((views.height, model.output_shape[-1]), np.nan, np.float32)
    with (
        ViewReader(lake, views) as reader,
        _plain_errors(reader),
        Progress(stage, len(reader)) as progress,
    ):
        for images, rows in numbered_batches(reader, _INFERENCE_BATCH):
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
