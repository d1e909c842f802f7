"""Fit: a model is trained with early stopping on held-out views, and predicts views."""

import math
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import polars as pl
import tensorflow as tf

from shared.console import Progress
from shared.errors import TrainingError
from shared.lake import Lake
from shared.reader import ViewReader
from trainer.epochs import EpochLog
from trainer.models import MODELS
from trainer.options import FitOptions
from trainer.sequential import sequential_batches
from trainer.split import FitPlan
from trainer.stream import numbered_batches, ordered_batches, shuffled_batches

_PREDICT_BATCH = 64


@dataclass(frozen=True)
class Fitted:
    """A trained model with the weights of its best epoch.

    Attributes:
        model: from uint8 images (batch, size, size, 1) to probabilities (batch, 1).
        history: one row an epoch, columns as in `trainer.epochs.HISTORY_SCHEMA`.
    """

    model: keras.Model
    history: pl.DataFrame


def fit(lake: Lake, plan: FitPlan, model_name: str, options: FitOptions, title: str) -> Fitted:
    """Train a model on a plan's train views; stop early on the loss of its validation views.

    Args:
        lake: where the views' pixels are.
        plan: what to train on, and what to validate on.
        model_name: a key of `trainer.models.MODELS`.
        options: epochs, patience, batch and seed.
        title: what progress is called.

    Raises:
        TrainingError: the loss is no longer a number.
        CorruptLakeError: a view's pixels are not those that were written.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()
    model = _build(model_name, lake.image.size)
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
        model.fit(
            _train_batches(lake, plan.train, reader, options),
            steps_per_epoch=math.ceil(len(reader) / options.batch),
            validation_data=ordered_batches(validation, options.batch),
            epochs=options.epochs,
            shuffle=False,
            verbose=0,  # pyright: ignore[reportArgumentType]  # keras has no stubs; 0 is allowed
            callbacks=[stopping, log],
        )
    return Fitted(model, log.history())


def _train_batches(
    lake: Lake, views: pl.DataFrame, reader: ViewReader, options: FitOptions
) -> tf.data.Dataset:
    if options.reader == "stream":
        return sequential_batches(lake, views, options.batch, options.seed)
    return shuffled_batches(reader, options.batch, options.seed)


def _build(model_name: str, size_px: int) -> keras.Model:
    entry = MODELS[model_name]
    model = entry.build(size_px)
    model.compile(
        optimizer=keras.optimizers.Adam(entry.learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(name="auroc")],
    )
    return model


def predict(model: keras.Model, lake: Lake, views: pl.DataFrame) -> pl.DataFrame:
    """Return `view_id` and `probability` (of abnormal, Float64) of each view, in any order.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
    """
    probabilities = np.full(views.height, np.nan)
    with (
        ViewReader(lake, views) as reader,
        _plain_errors(reader),
        Progress("predict", len(reader)) as progress,
    ):
        for images, rows in numbered_batches(reader, _PREDICT_BATCH):
            probabilities[rows.numpy()] = model.predict_on_batch(images)[:, 0]
            progress.advance(len(images))
    return views.select("view_id").with_columns(probability=pl.Series(probabilities))


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
