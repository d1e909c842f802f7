"""Fit: a model is trained with early stopping on held-out views, and predicts views."""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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
from trainer.epochs import EpochLog
from trainer.models import MODELS
from trainer.models.head import classify
from trainer.objective import objective
from trainer.options import FitOptions
from trainer.sequential import sequential_batches
from trainer.split import FitPlan
from trainer.stream import numbered_batches, ordered_batches, shuffled_batches
from trainer.target import Truth, as_predictions, make_target, make_truth

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


def start(seed: int) -> None:
    """Begin anew: what TensorFlow draws from now on depends on the seed alone."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(lake: Lake, model_name: str, options: FitOptions, plan: FitPlan, title: str) -> Fitted:
    """Train all of a model on a plan's train views; stop early on the loss of its validation views.

    Args:
        lake: where the views' pixels are.
        model_name: a key of `trainer.models.MODELS`.
        options: epochs, patience, batch and seed; target, balance and augmentation.
        plan: what to train on, and what to validate on.
        title: what progress is called.

    Raises:
        TrainingError: the loss is no longer a number.
        CorruptLakeError: a view's pixels are not those that were written.
    """
    start(options.seed)
    target = make_target(options.target, lake.manifest)
    model = _build(model_name, lake.image.size, target.num_outputs)
    truth, validation_truth = (
        make_truth(views, target, options.balance) for views in (plan.train, plan.validation)
    )
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
            _train_batches(lake, plan.train, reader, truth, options),
            steps_per_epoch=math.ceil(len(reader) / options.batch),
            validation_data=ordered_batches(validation, options.batch, truth=validation_truth),
            epochs=options.epochs,
            shuffle=False,
            verbose=0,  # pyright: ignore[reportArgumentType]  # keras has no stubs; 0 is allowed
            callbacks=[stopping, log],
        )
    # not compiled: a file without the optimizer's state, that loads where this package is not
    build = partial(keras.Model, model.inputs, model.outputs)
    return Fitted(log.history(), partial(predict, model, lake), build)


def _train_batches(
    lake: Lake, views: pl.DataFrame, reader: ViewReader, truth: Truth, options: FitOptions
) -> tf.data.Dataset:
    if options.reader == "stream":
        batches = sequential_batches(lake, views, options.batch, options.seed, truth=truth)
    else:
        batches = shuffled_batches(reader, options.batch, options.seed, truth=truth)
    return augment_batches(batches, options.augment, options.seed)


def _build(model_name: str, size_px: int, num_outputs: int) -> keras.Model:
    entry = MODELS[model_name]
    model = classify(entry.build_trunk(size_px), num_outputs, entry.dropout)
    optimizer = keras.optimizers.Adam(entry.learning_rate)
    model.compile(optimizer=optimizer, **objective(num_outputs))
    return model


def predict(model: keras.Model, lake: Lake, views: pl.DataFrame) -> pl.DataFrame:
    """Return what `trainer.target.as_predictions` makes of a model's outputs for views.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
    """
    return as_predictions(views, infer(model, lake, views, "predict"))


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
