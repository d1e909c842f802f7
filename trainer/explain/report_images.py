"""Pictures of the views in a report, with heat maps, written to the run folder."""

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import polars as pl

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from shared.storage.atomic import write_atomically
from trainer.evaluation.decisions.decision import Decision
from trainer.evaluation.scored_table import most_independent_set
from trainer.explain.layer_cam import LayerCam
from trainer.explain.overlay import encode_jpeg, side_by_side
from trainer.report.error_analysis import heat_map_path, shown_views

_SIDE_PX = 256
_QUALITY = 80


def write_report_images(
    folder: Path, model: keras.Model, lake: Lake, scored: pl.DataFrame, decision: Decision
) -> None:
    """Write a picture of each view in the report: the radiograph without and with its heat map.

    `scored` are all predictions of the run, and `decision` is its decision.

    Raises:
        CorruptLakeError: a shard is damaged.
        WriteError: a picture cannot be written.
    """
    _, rows = most_independent_set(scored, decision.model)
    shown = shown_views(rows, decision)
    views = lake.manifest.filter(pl.col("view_id").is_in(shown))
    with ViewReader(lake, views) as reader:
        images = reader.read(np.arange(views.height))
    heat = LayerCam(model).explain(images)
    side = min(_SIDE_PX, lake.image.size)
    # INTER_AREA shrinks without aliasing
    shrink: Any = partial(cv2.resize, dsize=(side, side), interpolation=cv2.INTER_AREA)
    for view_id, image, heat_map in zip(views["view_id"], images[..., 0], heat, strict=True):
        picture = side_by_side(shrink(image), shrink(heat_map))
        write_atomically(heat_map_path(folder, view_id), encode_jpeg(picture, _QUALITY))
