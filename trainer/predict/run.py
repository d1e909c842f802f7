"""The predict command: from paths to answers."""

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
from shared.files import explain_write
from shared.image import Pixels
from shared.image_spec import ImageSpec
from shared.interruptible import interruptible
from shared.printable import printable
from shared.store import as_path
from trainer.answers import answer
from trainer.kept import Kept, open_kept
from trainer.options import PredictOptions
from trainer.predict.find import FoundViews, find_views
from trainer.predict.formats import PRINTERS, Answers
from trainer.predict.read import read_view
from trainer.start import import_keras

_BATCH = 64
_BATCHES_AHEAD = 2


def predict(options: PredictOptions) -> None:
    """Answer to every view that the options name, and print what is said of them.

    Raises:
        SourceError: a path names nothing, or some views could not be read; the others are answered.
        TrainingError: there is no such run.
        WriteError: a heat map cannot be written, or standard output does not take the answers.
    """
    kept = open_kept(options.run)
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


def answer_all(kept: Kept, found: FoundViews, maps: Path | None) -> Answers:
    """Return what a run says of views.

    Args:
        kept: the run.
        found: the views.
        maps: a folder to write a heat map of each view into, if any.

    Raises:
        WriteError: a heat map cannot be written.
    """
    note("starting TensorFlow")
    import_keras()

    from trainer.explain.files import Explainer

    model: Any = kept.load_model()
    explainer = Explainer(model, maps, found.files) if maps else None
    # one row a view that could not be read, and the outputs for the others
    refused: dict[int, ImageError] = {}
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
    """Yield each view in order, read by threads while the model works on those before."""
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
