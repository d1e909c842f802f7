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

from shared.console import delivering, note
from shared.errors import ImageError, SourceError
from shared.images.pixels import Pixels
from shared.images.spec import ImageSpec
from shared.printable import printable
from shared.processes.interruptible import interruptible
from shared.progress import Progress
from shared.storage.atomic import explain_write
from shared.storage.store import as_path
from trainer.inference.image_input import read_view
from trainer.inference.study_predictions import answer
from trainer.keras_import import import_keras
from trainer.options import PredictOptions
from trainer.predict.find_views import FoundViews, find_views
from trainer.predict.output_formats import PRINTERS, Answers
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
    kept = open_saved_run(options.run)
    found = find_views(options.paths)
    maps = as_path("explain", options.explain) if options.explain else None
    if maps:
        with explain_write(maps):
            maps.mkdir(parents=True, exist_ok=True)
    answers = answer_all(kept, found, maps)
    with delivering():
        PRINTERS[options.format](answers)
    if answers.unread.height:
        raise SourceError(
            f"Expected {len(found.files):,} views that can be read. "
            f"Received: {answers.unread.height:,} that cannot, such as "
            f"{answers.unread['path'][0]}: {answers.unread['reason'][0]}"
        )


def answer_all(kept: SavedRun, found: FoundViews, maps: Path | None) -> Answers:
    """Return predictions for views and studies; write a heat map per view into `maps`, if given.

    Raises:
        WriteError: a heat map cannot be written.
    """
    note("starting TensorFlow")
    import_keras()

    # late, as it imports TensorFlow
    from trainer.explain.heat_map_files import Explainer

    model: Any = kept.load_model()
    explainer = Explainer(model, maps, found.files) if maps else None
    # errors by row of the table of views; readable views have an output instead
    refused: dict[int, ImageError] = {}
    # np.concatenate needs an array even if no view can be read
    outputs = [np.empty((0, model.output_shape[-1]), np.float32)]
    with Progress("predict", len(found.files)) as progress:
        views = enumerate(_read_ahead(found.files, kept.image))
        while batch := list(islice(views, _BATCH)):
            refused |= {row: view for row, view in batch if isinstance(view, ImageError)}
            seen = {row: view for row, view in batch if not isinstance(view, ImageError)}
            if seen:
                images = np.stack(list(seen.values()))[..., None]
                answered = interruptible(partial(model.predict_on_batch, images))
                outputs.append(np.asarray(answered, np.float32))
                if explainer:
                    explainer.write(list(seen), images)
            progress.advance(len(batch))
    table = found.table
    read = table[[row for row in range(table.height) if row not in refused]]
    unread = table[list(refused)].with_columns(
        reason=pl.Series([error.reason for error in refused.values()], dtype=pl.String),
        detail=pl.Series([error.detail for error in refused.values()], dtype=pl.String),
    )
    return Answers(
        printable(str(kept.folder)), *answer(kept, read, np.concatenate(outputs)), unread
    )


def _read_ahead(files: Iterable[Path], spec: ImageSpec) -> Iterator[Pixels | ImageError]:
    """Yield each view in order; threads read the next batches while the model predicts."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting: deque[Future[Pixels | ImageError]] = deque()
        for file in files:
            waiting.append(pool.submit(_try_to_read, file, spec))
            if len(waiting) > _BATCH * _BATCHES_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _try_to_read(path: Path, spec: ImageSpec) -> Pixels | ImageError:
    try:
        return read_view(path, spec)
    except ImageError as error:
        return error
