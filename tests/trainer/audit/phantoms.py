"""Small phantom radiographs, and scored views of them, for tests of the audit."""

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.phantom.drawing.image import View, draw
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec, Mask

SIZE_PX = 64

Images = npt.NDArray[np.uint8]


@cache
def draw_source(number: int) -> Images:
    """Return a phantom wrist, as its file has it; not to be changed."""
    view = View(f"v{number}", "wrist", 130, 160, 1, None, number, 1000 + number, 2000 + number)
    return draw(view)[0]


def to_lake(sources: list[Images], mask: Mask = "none") -> Images:
    """Return the images of a lake, (rows, 64, 64)."""
    return np.stack([prepare(source, ImageSpec(SIZE_PX, mask=mask)) for source in sources])


def make_views(num: int, seed: int = 0) -> pl.DataFrame:
    """Return the rows of a manifest that the audit reads: each view is of a patient of its own.

    Labels and all properties are independent of each other.
    """
    rng = np.random.default_rng(seed)
    numbers = np.arange(num)
    return pl.DataFrame(
        {
            "view_id": [f"train/s{n}/image1.png" for n in numbers],
            "study_id": [f"train/s{n}" for n in numbers],
            "patient_id": numbers,
            "group": numbers,
            "split": "train",
            "role": "out_of_fold",
            "body_part": "wrist",
            "label": rng.integers(0, 2, num),
            "fold": numbers % 5,
            "pixel_digest": [f"d{n}" for n in numbers],
            "width_px": rng.integers(200, 400, num),
            "height_px": rng.integers(200, 400, num),
            "channels": rng.choice([1, 3], num),
            "source_bytes": rng.integers(20_000, 80_000, num),
            "mean": rng.normal(60, 15, num),
            "std": rng.normal(50, 10, num),
        }
    )
