"""Predict views and studies from image paths with a saved run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from shared.console import delivering, note
from shared.counts import count
from shared.errors import SourceError
from shared.images.radiograph import NO_IMAGE
from shared.printable import printable
from shared.progress import Progress
from shared.storage.atomic import convert_write_errors
from shared.storage.store import as_path
from trainer.inference.novelty import UNLIKE, Floats, Matrix, predict_with_novelty, read_reference
from trainer.inference.predictor import Predictor, open_predictor
from trainer.inference.study_predictions import predict_studies
from trainer.keras_import import import_keras
from trainer.options import PredictOptions
from trainer.predict.find_views import FoundViews, find_views
from trainer.predict.output_formats import PRINTERS, Predictions
from trainer.predict.read_views import ReadView, batch_images, divide, read_ahead
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.saved_run import SavedRun

# views that are explained at a time
_MAP_VIEWS = 16


def predict(options: PredictOptions) -> None:
    """Predict all views in the given paths and print the results.

    Raises:
        SourceError: a path has no views, or some views could not be read; all others are predicted.
    """
    saved_run = open_saved_run(options.run)
    found = find_views(options.paths)
    heat_maps = as_path("explain", options.explain) if options.explain else None
    if heat_maps:
        # before the predictions, which may take long
        with convert_write_errors(heat_maps):
            heat_maps.mkdir(parents=True, exist_ok=True)
    _note_left_out(found.left_out)
    predictor = open_predictor(saved_run, options.engine, len(found.files))
    predictions = _predict_files(saved_run, predictor, found)
    with delivering():
        PRINTERS[options.format](predictions)
    if heat_maps:
        _write_heat_maps(saved_run, heat_maps, found.files)
    if not predictions.views.height and not predictions.unread.height:
        raise SourceError(
            "Expected at least one image. "
            f"Received: {count(len(found.files), 'DICOM files')} without an image"
        )
    if predictions.unread.height:
        raise SourceError(
            f"Expected {count(len(found.files), 'readable views')}. "
            f"Received: {predictions.unread.height:,} unreadable, such as "
            f"{predictions.unread['path'][0]}: {predictions.unread['reason'][0]}"
        )


def _predict_files(saved_run: SavedRun, predictor: Predictor, found: FoundViews) -> Predictions:
    results: dict[int, ReadView] = {}
    outputs: list[tuple[Matrix, Floats]] = []
    reference = read_reference(saved_run.files, predictor.num_features)
    # all of these are generators, so decoding and prediction overlap
    with Progress("predict", len(found.files)) as progress:
        views = read_ahead(found.files, saved_run.image)
        batches = batch_images(views, predictor.batch_views, results)
        images = (images for _, images in batches)
        for batch in predict_with_novelty(predictor, reference, images):
            outputs.append(batch)
            progress.advance(len(batch[0]))
    read, unread = divide(found.table, results)
    others = unread.filter(reason=NO_IMAGE)
    _note_left_out(dict(others["detail"].value_counts().iter_rows()))
    _note_display(read)
    arrays = map(np.concatenate, zip(*outputs, strict=True))
    by_view, by_study = predict_studies(saved_run, read, *arrays)
    _note_unlike(by_view)
    return Predictions(
        printable(str(saved_run.folder)),
        by_view,
        by_study,
        unread.filter(pl.col("reason") != NO_IMAGE),
    )


def _note_left_out(counts: Mapping[str, int]) -> None:
    if counts:
        shown = ", ".join(f"{number:,} {kind}" for kind, number in sorted(counts.items()))
        note(f"left out: {shown}")


def _note_display(read: pl.DataFrame) -> None:
    """Print each kind of display note once, with the number of views and an example."""
    noted = read.filter(pl.col("note") != "").group_by("note", maintain_order=True)
    for text, number, path in noted.agg(pl.len(), pl.col("path").first()).iter_rows():
        note(f"display: {text} ({number:,}, such as {path})")


def _note_unlike(by_view: pl.DataFrame) -> None:
    unlike = by_view.filter("unlike").sort("distance_percentile", descending=True)
    if unlike.height:
        path, percentile = unlike.select("path", "distance_percentile").row(0)
        note(f"{UNLIKE}: {unlike.height:,}, such as {path} (distance percentile {percentile:.1f})")


def _write_heat_maps(saved_run: SavedRun, folder: Path, files: Sequence[Path]) -> None:
    note("starting TensorFlow, which computes heat maps")
    import_keras()

    # late, as it imports TensorFlow
    from trainer.explain.heat_map_files import HeatMapWriter

    writer = HeatMapWriter(saved_run.load_model(), folder, files)
    # decoded again, because the pixels of the predictions were not kept
    with Progress("explain", len(files)) as progress:
        for rows, images in batch_images(read_ahead(files, saved_run.image), _MAP_VIEWS, {}):
            writer.write(rows, images)
            progress.advance(len(rows))
