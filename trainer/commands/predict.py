"""Predict views and studies from image paths with a saved run."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from shared.console import delivering, note
from shared.errors import ImageError, SourceError
from shared.images.pixels import Pixels
from shared.images.spec import ImageSpec
from shared.printable import printable
from shared.progress import Progress
from shared.storage.atomic import convert_write_errors
from shared.storage.store import as_path
from trainer.data.map_ahead import map_ahead
from trainer.inference.image_input import read_view
from trainer.inference.predictor import Predictor, open_predictor
from trainer.inference.study_predictions import predict_studies
from trainer.keras_import import import_keras
from trainer.options import PredictOptions
from trainer.predict.find_views import FoundViews, find_views
from trainer.predict.output_formats import PRINTERS, Predictions
from trainer.runs.open import open_saved_run
from trainer.runs.saved_run import SavedRun

_READ_AHEAD = 64
"""Views that threads decode in advance; the limit bounds memory."""
_MAP_VIEWS = 16
"""Views that are explained at a time."""


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
    predictor = open_predictor(saved_run, options.engine, len(found.files))
    predictions = predict_files(saved_run, predictor, found)
    with delivering():
        PRINTERS[options.format](predictions)
    if heat_maps:
        _write_heat_maps(saved_run, heat_maps, found.files)
    if predictions.unread.height:
        raise SourceError(
            f"Expected {len(found.files):,} readable views. "
            f"Received: {predictions.unread.height:,} unreadable, such as "
            f"{predictions.unread['path'][0]}: {predictions.unread['reason'][0]}"
        )


def predict_files(saved_run: SavedRun, predictor: Predictor, found: FoundViews) -> Predictions:
    """Return predictions for views and studies; decoding and prediction overlap."""
    # errors by row of the table of views; readable views have an output instead
    errors: dict[int, ImageError] = {}
    # np.concatenate needs an array even if no view can be read
    outputs = [np.empty((0, predictor.num_outputs), np.float32)]
    with Progress("predict", len(found.files)) as progress:
        views = _read_ahead(found.files, saved_run.image)
        batches = _batch(views, predictor.batch_views, errors)
        for batch in predictor.predict_batches(images for _, images in batches):
            outputs.append(batch)
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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from map_ahead(pool, partial(_try_to_read, spec=spec), files, _READ_AHEAD)


def _try_to_read(path: Path, spec: ImageSpec) -> Pixels | ImageError:
    try:
        return read_view(path, spec)
    except ImageError as error:
        return error


def _batch(
    views: Iterable[Pixels | ImageError], batch_views: int, errors: dict[int, ImageError]
) -> Iterator[tuple[list[int], Pixels]]:
    """Yield the rows and images, (rows, size, size, 1), of readable views; collect other errors."""
    numbered = enumerate(views)
    while batch := list(islice(numbered, batch_views)):
        errors |= {row: view for row, view in batch if isinstance(view, ImageError)}
        images = {row: view for row, view in batch if not isinstance(view, ImageError)}
        if images:
            yield list(images), np.stack(list(images.values()))[..., None]


def _write_heat_maps(saved_run: SavedRun, folder: Path, files: Sequence[Path]) -> None:
    """Write a heat map of each readable view into a folder.

    Raises:
        WriteError: a heat map cannot be written.
    """
    note("starting TensorFlow, which computes heat maps")
    import_keras()

    # late, as it imports TensorFlow
    from trainer.explain.heat_map_files import HeatMapWriter

    writer = HeatMapWriter(saved_run.load_model(), folder, files)
    with Progress("explain", len(files)) as progress:
        for rows, images in _batch(_read_ahead(files, saved_run.image), _MAP_VIEWS, {}):
            writer.write(rows, images)
            progress.advance(len(rows))
