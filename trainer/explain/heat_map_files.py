"""Writing of radiographs with their heat maps: PNG files of `predict`, pictures of a report."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from shared.storage.atomic import write_atomically
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.scored_table import most_independent_set
from trainer.explain.layer_cam import LayerCam
from trainer.explain.overlay import encode_jpeg, encode_png, side_by_side
from trainer.report.error_analysis import heat_map_path, shown_views

_REPORT_SIDE_PX, _REPORT_QUALITY = 256, 80


class HeatMapWriter:
    """Writes a picture for each view: the radiograph, and the radiograph with its heat map.

    Args:
        folder: output folder; created if missing.
        paths: files of all views. A picture's path in `folder` is the view's path relative to the
            common parent of all views, with `.png` appended.
    """

    def __init__(self, model: keras.Model, folder: Path, paths: Sequence[Path]):
        self._layer_cam = LayerCam(model)
        absolute = [path.absolute() for path in paths]
        common = os.path.commonpath([path.parent for path in absolute])
        names = [path.relative_to(common) for path in absolute]
        # appended, because a folder can hold a.png and a.dcm
        self._files = [folder / name.with_name(f"{name.name}.png") for name in names]

    def write(self, rows: Sequence[int], images: npt.NDArray[np.uint8]) -> None:
        """Write the pictures of some views.

        Args:
            rows: indices of the views in `paths`.
            images: (len(rows), size, size, 1), in the same order.
        """
        heat = self._layer_cam.explain(images)
        for row, image, heat_map in zip(rows, images[..., 0], heat, strict=True):
            write_atomically(self._files[row], encode_png(side_by_side(image, heat_map)))


def write_report_images(
    folder: Path, model: keras.Model, lake: Lake, scored: pl.DataFrame, decision: Decision
) -> None:
    """Write a picture of each view in the report of a run, whose predictions are `scored`."""
    _, rows = most_independent_set(scored, decision.model)
    views = lake.manifest.filter(pl.col("view_id").is_in(shown_views(rows, decision)))
    with ViewReader(lake, views) as reader:
        images = reader.read(np.arange(views.height))
    heat = LayerCam(model).explain(images)
    side = min(_REPORT_SIDE_PX, lake.image.size)
    # INTER_AREA shrinks without aliasing
    shrink: Any = partial(cv2.resize, dsize=(side, side), interpolation=cv2.INTER_AREA)
    for view_id, image, heat_map in zip(views["view_id"], images[..., 0], heat, strict=True):
        picture = side_by_side(shrink(image), shrink(heat_map))
        write_atomically(heat_map_path(folder, view_id), encode_jpeg(picture, _REPORT_QUALITY))
