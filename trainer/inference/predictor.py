"""Predictors: the model of a saved run on LiteRT or Keras, and its outputs for views of a lake."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import numpy as np

from shared.console import note
from shared.errors import TrainingError
from shared.images.pixels import Pixels
from shared.lake.reader import ViewReader
from shared.progress import Progress
from trainer.data.input_wait import InputWait
from trainer.data.map_ahead import map_ahead
from trainer.inference.litert import Floats, LiteRtModel
from trainer.interruptible import interruptible
from trainer.models.ensemble import add_features
from trainer.options.saved_run import Engine
from trainer.runs.gpus import has_gpu
from trainer.runs.run_folder import LITERT_FILE
from trainer.runs.saved.saved_run import SavedRun
from trainer.runs.saved.validation import num_outputs

# views that are read at a time, and views that a thread predicts at a time
_READ_VIEWS, _BATCH_VIEWS = 64, 8
# reads in advance; the limit bounds memory
_READS_AHEAD = 2
# with fewer views a GPU does not make up for the start of TensorFlow
_MANY_VIEWS = 256


class Predictor(Protocol):
    """A model from uint8 images (batch, size, size, 1) to float32 probabilities (batch, n).

    `batch_views` is the best number of images in a batch; `num_features` is 0 without features.
    """

    batch_views: int
    num_outputs: int
    num_features: int

    def predict_batches(self, batches: Iterable[Pixels]) -> Iterator[list[Floats]]:
        """Yield the outputs of each batch, and its features if the model has any, in order."""
        ...


class _KerasModel:
    batch_views = 64

    def __init__(self, model: Any, with_features: bool):
        self.num_outputs = int(model.output_shape[-1])
        self._model = add_features(model) if with_features else model
        self.num_features = int(self._model.output_shape[1][-1]) if with_features else 0

    def predict_batches(self, batches: Iterable[Pixels]) -> Iterator[list[Floats]]:
        for images in batches:
            outputs: Any = interruptible(partial(self._model.predict_on_batch, images))
            arrays = outputs if isinstance(outputs, list) else [outputs]
            yield [np.asarray(array, np.float32) for array in arrays]


def open_predictor(saved_run: SavedRun, engine: Engine, num_views: int) -> Predictor:
    """Return the model of a run, or raise TrainingError if its file is missing or damaged."""
    if engine == "auto":
        is_litert = saved_run.has_litert and not (num_views >= _MANY_VIEWS and has_gpu())
        engine = "litert" if is_litert else "keras"
    if engine == "keras":
        note("starting TensorFlow")
        return _KerasModel(saved_run.load_model(), saved_run.has_reference)
    if not saved_run.has_litert:
        raise TrainingError(
            f"Expected a run with {LITERT_FILE} for engine=litert; engine=keras needs none. "
            f"Received: run={saved_run.folder}"
        )
    size_px = saved_run.image.size
    shape = (1, size_px, size_px, 1, num_outputs(saved_run.config))
    return saved_run.files.parse(LITERT_FILE, partial(_load, shape=shape))


def _load(content: bytes, shape: tuple[int, ...]) -> LiteRtModel:
    model = LiteRtModel(content)
    received = (*model.input_shape, model.num_outputs)
    if received != shape:
        raise ValueError(f"Expected a model of shape {shape}. Received: {received}")
    return model


def infer(
    model: Predictor,
    reader: ViewReader,
    stage: str,
    waiting: InputWait | None = None,
    output: int = 0,
) -> Floats:
    """Return the model's outputs for the views of a reader, float32 (views, n), in their order.

    Args:
        stage: labels the progress display.
        waiting: receives the time spent waiting for images, if given.
        output: 0 for the predictions of the model, 1 for its features.

    Raises:
        CorruptLakeError: the record of a view is damaged.
    """
    outputs = [np.empty((0, (model.num_outputs, model.num_features)[output]), np.float32)]
    with ThreadPoolExecutor(_READS_AHEAD) as pool, Progress(stage, len(reader)) as progress:
        rows = np.arange(len(reader))
        chunks = (rows[start : start + _READ_VIEWS] for start in range(0, len(rows), _READ_VIEWS))
        reads = (waiting or InputWait()).iterate(map_ahead(pool, reader.read, chunks, _READS_AHEAD))
        batch_views = max(_BATCH_VIEWS, model.batch_views)
        for batch in model.predict_batches(_split(reads, batch_views)):
            outputs.append(batch[output])
            progress.advance(len(batch[0]))
    return np.concatenate(outputs)


def _split(reads: Iterable[Pixels], batch_views: int) -> Iterator[Pixels]:
    for images in reads:
        for start in range(0, len(images), batch_views):
            yield images[start : start + batch_views]
