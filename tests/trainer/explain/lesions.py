"""How often the peak of a heat map lies in the lesion that a phantom view is known to have."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ingest.phantom.generate import LESIONS_FILE
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.explain.layer_cam import LayerCam
from trainer.runs.saved.open import open_saved_run


@dataclass(frozen=True)
class Found:
    """Shares of views whose peak is in the lesion's box, and of pixels that are: chance."""

    share: float
    chance: float
    num_views: int


def find_lesions(run: Path, lake: Lake, phantom: Path) -> Found:
    """Explain the abnormal test views of a run, and look for the peaks of their maps."""
    kept = open_saved_run(str(run))
    tested = kept.scored.filter(pl.col("role") == "test").select("view_id")
    lesions = pl.read_csv(phantom / LESIONS_FILE)
    views = lake.manifest.join(tested, on="view_id").join(lesions, on="view_id").sort("view_id")
    with ViewReader(lake, views) as reader:
        images = reader.read(np.arange(views.height))
    heat = LayerCam(kept.load_model()).explain(images)
    boxes = [_box(row, lake.image) for row in views.iter_rows(named=True)]
    hits = [box.flat[one.argmax()] and one.max() > 0 for box, one in zip(boxes, heat, strict=True)]
    return Found(float(np.mean(hits)), float(np.mean(boxes)), views.height)


def _box(row: dict[str, int], image: ImageSpec) -> np.ndarray:
    """Return where in the stored image the lesion's box lies, bool (size, size)."""
    marked = np.zeros((row["height_px"], row["width_px"]), np.uint8)
    marked[row["y"] : row["y"] + row["height"], row["x"] : row["x"] + row["width"]] = 255
    return prepare(marked, image) > 0
