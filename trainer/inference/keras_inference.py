"""Run a Keras model on views of a lake."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from shared.errors import TrainingError
from shared.lake.reader import ViewReader
from shared.progress import Progress
from trainer.data.input_wait import InputWait
from trainer.data.pipeline import ordered_batches
from trainer.interruptible import interruptible

_MAX_BATCH = 64
# pixels of a batch, because memory grows with them: 64 images of 320 px, one of 2,048 px
_BATCH_PX = _MAX_BATCH * 320**2


def infer(
    model: keras.Model, reader: ViewReader, stage: str, waiting: InputWait | None = None
) -> npt.NDArray[np.float32]:
    """Return the model's outputs as `trainer.inference.predictor.infer` does."""
    outputs = [np.empty((0, model.output_shape[-1]), np.float32)]
    with plain_errors(reader), Progress(stage, len(reader)) as progress:
        image_px = model.input_shape[1] ** 2
        batches = ordered_batches(reader, max(1, min(_MAX_BATCH, _BATCH_PX // image_px)))
        for images, _ in (waiting or InputWait()).iterate(batches):
            outputs.append(interruptible(partial(model.predict_on_batch, images)))
            progress.advance(len(images))
    return np.concatenate(outputs)


@contextmanager
def plain_errors(*readers: ViewReader) -> Generator[None, None, None]:
    """Replace TensorFlow's long errors by the reader's own error, or by one sentence."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise TrainingError(
            "Expected enough memory for a batch. Received: out of memory; use a smaller batch_size"
        ) from None
    except tf.errors.OpError as error:
        for reader in readers:
            if isinstance(error, tf.errors.DataLossError):
                # TFRecordDataset reports only a byte; reading by offset names the view
                reader.check()
            if reader.damage:
                raise reader.damage from None
        raise
