"""Infer: what a model makes of views, whose pixels are read from a lake."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from shared.console import Progress
from shared.errors import TrainingError
from shared.interruptible import interruptible
from shared.lake import Lake
from shared.reader import ViewReader
from trainer.stream import numbered_batches
from trainer.waiting import Waiting

_BATCH = 64


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
        plain_errors(reader),
        Progress(stage, len(reader)) as progress,
    ):
        batches = numbered_batches(reader, _BATCH)
        for images, rows in (waiting or Waiting()).iterate(batches):
            outputs[rows.numpy()] = interruptible(partial(model.predict_on_batch, images))
            progress.advance(len(images))
    return outputs


@contextmanager
def plain_errors(*readers: ViewReader) -> Generator[None, None, None]:
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
