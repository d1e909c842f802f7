"""Parallel drawing and writing of phantom radiographs, in blocks of views."""

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ingest.phantom.drawing.image import View, draw
from ingest.write.process_pool import Pool

_BLOCK_VIEWS = 40
# zlib's fastest level
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class Lesion(NamedTuple):
    """A row of lesions.csv: view, kind and bounding box in pixels."""

    view_id: str
    kind: str
    x: int
    y: int
    width: int
    height: int


def write_views(
    views: Sequence[View], root: Path, workers: int
) -> Generator[tuple[int, list[Lesion]], None, None]:
    """Draw views into the MURA folder `root`, in `workers` processes; study folders must exist.

    Yields:
        For each block, in any order, the number of its views and their lesions.

    Raises:
        WorkerError: a worker process died.
        OSError: an image cannot be written.
    """
    blocks = [views[i : i + _BLOCK_VIEWS] for i in range(0, len(views), _BLOCK_VIEWS)]
    with Pool(min(workers, len(blocks)), imports=__name__) as executor:
        executor.start()
        for block_index, lesions in executor.map(partial(_write_block, root=root), blocks):
            yield len(blocks[block_index]), lesions


def _write_block(views: Sequence[View], root: Path) -> list[Lesion]:
    lesions: list[Lesion] = []
    for view in views:
        image, box = draw(view)
        # the channels of MURA's RGB files are equal, too
        if view.channels == 3:
            image = np.repeat(image[:, :, None], 3, axis=2)
        _, encoded = cv2.imencode(".png", image, _PNG)
        (root / view.view_id).write_bytes(encoded.tobytes())
        if view.lesion and box:
            lesions.append(Lesion(view.view_id, view.lesion, *box))
    return lesions
