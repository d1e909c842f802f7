"""Predict views and studies from image paths with a saved run."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shared.console import Progress, delivering, note
from shared.errors import ImageError, SourceError
from shared.images.pixels import Pixels
from shared.images.spec import ImageSpec
from shared.printable import printable
from shared.processes.interruptible import interruptible
from shared.storage.atomic import convert_write_errors
from shared.storage.store import as_path
from trainer.inference.image_input import read_view
from trainer.inference.study_predictions import predict_studies
from trainer.keras_import import import_keras
from trainer.options import PredictOptions
from trainer.predict.find_views import FoundViews, find_views
from trainer.predict.output_formats import PRINTERS, Predictions
from trainer.runs.saved_run import SavedRun, open_saved_run

_BATCH = 64
_BATCHES_AHEAD = 2
"""Batches that threads decode in advance; the limit bounds memory."""


def predict(options: PredictOptions) -> None:
    """Predict all views in the given paths and print the results.

    Raises:
        SourceError: a path has no views, or some views could not be read; all others are predicted.
        TrainingError: there is no such run.
        WriteError: a heat map or standard output cannot be written.
    """
    saved_run = open_saved_run(options.run)
    found = find_views(options.paths)
    heat_maps = as_path("explain", options.explain) if options.explain else None
    if heat_maps:
        with convert_write_errors(heat_maps):
            heat_maps.mkdir(parents=True, exist_ok=True)
    predictions = predict_files(saved_run, found, heat_maps)
    with delivering():
        PRINTERS[options.format](predictions)
    if predictions.unread.height:
        raise SourceError(
            f"Expected {len(found.files):,} readable views. "
            f"Received: {predictions.unread.height:,} unreadable, such as "
            f"{predictions.unread['path'][0]}: {predictions.unread['reason'][0]}"
        )


def predict_files(saved_run: SavedRun, found: FoundViews, heat_maps: Path | None) -> Predictions:
    """Return predictions for views and studies; write a heat map per view, if a folder is given.

    Raises:
        WriteError: a heat map cannot be written.
    """
    note("starting TensorFlow")
    import_keras()

    # late, as it imports TensorFlow
    from trainer.explain.heat_map_files import HeatMapWriter

    model: Any = saved_run.load_model()
    writer = HeatMapWriter(model, heat_maps, found.files) if heat_maps else None
    # errors by row of the table of views; readable views have an output instead
    errors: dict[int, ImageError] = {}
    # np.concatenate needs an array even if no view can be read
    outputs = [np.empty((0, model.output_shape[-1]), np.float32)]
    with Progress("predict", len(found.files)) as progress:
        views = enumerate(_read_ahead(found.files, saved_run.image))
        while batch := list(islice(views, _BATCH)):
            errors |= {row: view for row, view in batch if isinstance(view, ImageError)}
            images_by_row = {row: view for row, view in batch if not isinstance(view, ImageError)}
            if images_by_row:
                images = np.stack(list(images_by_row.values()))[..., None]
                batch_outputs = interruptible(partial(model.predict_on_batch, images))
                outputs.append(np.asarray(batch_outputs, np.float32))
                if writer:
                    writer.write(list(images_by_row), images)
            progress.advance(len(batch))
    table = found.table
    read = table[[row for row in range(table.height) if row not in errors]]
    unread = table[list(errors)].with_columns(
        reason=pl.Series([error.reason for error in errors.values()], dtype=pl.String),
        detail=pl.Series([error.detail for error in errors.values()], dtype=pl.String),
    )
    return Predictions(
        printable(str(saved_run.folder)),
        *predict_studies(saved_run, read, np.concatenate(outputs)),
        unread,
    )


def _read_ahead(files: Iterable[Path], spec: ImageSpec) -> Iterator[Pixels | ImageError]:
    """Yield each view in order; threads read the next batches while the model predicts."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pending: deque[Future[Pixels | ImageError]] = deque()
        for file in files:
            pending.append(pool.submit(_try_to_read, file, spec))
            if len(pending) > _BATCH * _BATCHES_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _try_to_read(path: Path, spec: ImageSpec) -> Pixels | ImageError:
    try:
        return read_view(path, spec)
    except ImageError as error:
        return error
