"""Reading of views ahead of their prediction, in batches."""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.spec import ImageSpec
from trainer.data.map_ahead import map_ahead
from trainer.inference.image_input import PreparedView, read_view

ReadView = PreparedView | ImageError

# views that threads decode in advance; the limit bounds memory
_READ_AHEAD = 64
_NO_PIXELS: Pixels = np.empty((0, 0), np.uint8)


def read_ahead(files: Iterable[Path], spec: ImageSpec) -> Iterator[ReadView]:
    """Yield the prepared view of each file, or the reason why it cannot be read, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from map_ahead(pool, partial(_try_to_read, spec=spec), files, _READ_AHEAD)


def _try_to_read(path: Path, spec: ImageSpec) -> ReadView:
    try:
        return read_view(path, spec)
    except ImageError as error:
        return error


def batch_images(
    views: Iterable[ReadView], size: int, results: dict[int, ReadView]
) -> Iterator[tuple[list[int], Pixels]]:
    """Yield the rows and images, (rows, size, size, 1), of readable views.

    The results of all rows are collected in `results`, without pixels.
    """
    numbered = enumerate(views)
    while batch := list(islice(numbered, size)):
        images = {row: view.pixels for row, view in batch if isinstance(view, PreparedView)}
        for row, view in batch:
            is_read = isinstance(view, PreparedView)
            # without pixels, as the results of all views are kept
            results[row] = replace(view, pixels=_NO_PIXELS) if is_read else view
        if images:
            yield list(images), np.stack(list(images.values()))[..., None]


def divide(
    table: pl.DataFrame, results: Mapping[int, ReadView]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the readable views with `study` and `note`, and the others with their reason."""
    views = {row: view for row, view in results.items() if not isinstance(view, ImageError)}
    errors = {row: error for row, error in results.items() if isinstance(error, ImageError)}
    read = table[list(views)]
    # a DICOM file has a StudyInstanceUID; the study of any other file is its folder
    pairs = zip(views.values(), read["study"], strict=True)
    read = read.with_columns(
        study=pl.Series([view.study or folder for view, folder in pairs], dtype=pl.String),
        note=pl.Series(["; ".join(view.notes) for view in views.values()], dtype=pl.String),
    )
    unread = table[list(errors)].with_columns(
        reason=pl.Series([error.reason for error in errors.values()], dtype=pl.String),
        detail=pl.Series([error.detail for error in errors.values()], dtype=pl.String),
    )
    return read, unread
