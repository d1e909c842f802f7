"""One pass over the pixels of a lake: perceptual hash, field, markers and metal of each view."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.images.pixels import Pixels
from shared.images.preprocessing.crop import find_field
from shared.images.preprocessing.markers import Blob, find_markers
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from shared.progress import Progress
from trainer.audit.copies.find_copies import Details, coarse_detail
from trainer.audit.copies.perceptual_hash import Bits, hash_image
from trainer.audit.shortcuts.hardware import measure_metal
from trainer.data.map_ahead import map_ahead

_CHUNK_VIEWS = 64
_CHUNKS_AHEAD = 4


class ViewScan(NamedTuple):
    """The facts about one view.

    Attributes:
        bits: perceptual hashes of the field in each orientation, bool (8, 64).
        detail: as from `coarse_detail`.
        field_share: area of the field as a fraction of the image.
        metal_share: as from `measure_metal`.
        markers: as from `find_markers`.
    """

    bits: Bits
    detail: Details
    field_share: float
    metal_share: float
    markers: list[Blob]


def scan_image(image: Pixels) -> ViewScan:
    """Return the facts about one view, uint8 (size, size)."""
    field = find_field(image)
    inside = image[field]
    markers = find_markers(image, field)
    metal_share = measure_metal(image, field, markers)
    field_share = inside.size / image.size
    return ViewScan(hash_image(inside), coarse_detail(inside), field_share, metal_share, markers)


def scan_views(lake: Lake, views: pl.DataFrame) -> list[ViewScan]:
    """Scan views of a lake, in threads; a view takes 3 KB of memory."""
    rows = np.arange(views.height)
    chunks = (rows[start : start + _CHUNK_VIEWS] for start in range(0, len(rows), _CHUNK_VIEWS))
    scans: list[ViewScan] = []
    with (
        ViewReader(lake, views) as reader,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        Progress("scan", views.height) as progress,
    ):
        for chunk in map_ahead(pool, partial(_scan_chunk, reader), chunks, _CHUNKS_AHEAD):
            scans += chunk
            progress.advance(len(chunk))
    return scans


def _scan_chunk(reader: ViewReader, rows: npt.NDArray[np.int64]) -> list[ViewScan]:
    return [scan_image(image) for image in reader.read(rows)[..., 0]]
