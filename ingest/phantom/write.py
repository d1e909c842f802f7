"""Writing phantom radiographs in parallel: blocks of views are drawn by processes of their own."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ingest.phantom.image import View, draw
from shared.errors import SourceError

_BLOCK_VIEWS = 40
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class Lesion(NamedTuple):
    """A lesion as it stands in lesions.csv: its view, kind and box in pixels."""

    view_id: str
    kind: str
    x: int
    y: int
    width: int
    height: int


def write_views(
    views: Sequence[View], root: Path, workers: int
) -> Iterator[tuple[int, list[Lesion]]]:
    """Draw views into the MURA folder `root`, whose folders are there, in `workers` processes.

    Yields:
        How many views of a block were written, and their lesions; blocks come in any order.

    Raises:
        SourceError: a worker died.
        OSError: an image cannot be written.
    """
    blocks = [views[i : i + _BLOCK_VIEWS] for i in range(0, len(views), _BLOCK_VIEWS)]
    # fresh interpreters: polars and OpenCV hold locks and threads that a fork would tear
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(blocks)), context, _set_up_worker) as pool:
        try:
            running = {pool.submit(_write_block, block, root): len(block) for block in blocks}
            for future in as_completed(running):
                yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise SourceError(
                "A process that draws died, perhaps for want of memory. Nothing was kept; run "
                f"again, with fewer than workers={workers} if it happens again"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _set_up_worker() -> None:
    """Prepare a worker process: it ends with its parent, and only its parent interrupts it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _write_block(views: Sequence[View], root: Path) -> list[Lesion]:
    lesions: list[Lesion] = []
    for view in views:
        image, box = draw(view)
        if view.channels == 3:
            image = np.repeat(image[:, :, None], 3, axis=2)
        _, encoded = cv2.imencode(".png", image, _PNG)
        (root / view.view_id).write_bytes(encoded.tobytes())
        if view.lesion and box:
            lesions.append(Lesion(view.view_id, view.lesion, *box))
    return lesions
