"""Scores of heads on views with the bone hidden, or with all but the bone hidden."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.images.pixels import Pixels
from shared.images.preprocessing.crop import Box, find_field
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.audit.shortcuts.shortcut_score import Score, score_features
from trainer.data.input_wait import InputWait
from trainer.features.heads import Matrix
from trainer.inference.litert import LiteRtModel
from trainer.inference.predictor import infer

Hidden = Literal["bone", "border"]

BONE = "the box of the bone"
"""Name of the score without bone."""
# minimum area of a bright part relative to the largest; smaller ones are letters
_MIN_PART_SHARE = 0.1
# side of the brush relative to that of the image; thinner lines vanish
_BRUSH_SHARE = 0.02


def find_bone(image: Pixels) -> Box:
    """Return the box of the large bright parts of the field, rows and columns.

    Otsu's threshold (Otsu 1979, IEEE Trans. Syst. Man Cybern. 9:62) separates bone and thick soft
    tissue from the background; small parts, such as letters, are left out.
    """
    rows, columns = find_field(image)
    inside = image[rows, columns]
    _, mask = cv2.threshold(inside, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    brush = np.ones((max(3, round(_BRUSH_SHARE * len(image))),) * 2, np.uint8)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, brush)
    parts = cv2.connectedComponentsWithStats(opened, connectivity=8)[2][1:]
    if len(parts) == 0:
        return rows, columns
    areas = parts[:, cv2.CC_STAT_AREA]
    left, top, width, height, _ = parts[areas >= _MIN_PART_SHARE * areas.max()].T
    return (
        slice(rows.start + int(top.min()), rows.start + int((top + height).max())),
        slice(columns.start + int(left.min()), columns.start + int((left + width).max())),
    )


def hide(image: Pixels, hidden: Hidden) -> Pixels:
    """Return a copy of a view, uint8 (size, size), with a region at its median grey level."""
    bone = find_bone(image)
    is_hidden = np.full(image.shape, hidden == "border")
    is_hidden[bone] = hidden == "bone"
    return np.where(is_hidden, np.uint8(np.median(image)), image)


class _HiddenReader(ViewReader):
    def __init__(self, lake: Lake, views: pl.DataFrame, hidden: Hidden):
        super().__init__(lake, views)
        self._hidden: Hidden = hidden

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        images = super().read(rows)
        for image in images[..., 0]:
            image[:] = hide(image, self._hidden)
        return images


def score_hidden(
    model: LiteRtModel, plain: Matrix, lake: Lake, views: pl.DataFrame, weight_decay: float
) -> Sequence[Score]:
    """Score heads that were fitted to, and predict, views with a hidden region.

    Args:
        model: the frozen backbone of the run.
        plain: its embeddings of the whole views, float32 (views, n).
        views: out-of-fold views: rows of the manifest, with `fold`.

    Returns:
        The scores of the whole views, with the bone hidden, and with all but the bone hidden.

    Raises:
        CorruptLakeError: the record of a view is damaged.
    """
    scores = [score_features("nothing", plain, views, weight_decay)]
    names: dict[Hidden, str] = {"bone": BONE, "border": "all but this box"}
    for hidden, name in names.items():
        with _HiddenReader(lake, views, hidden) as reader:
            features = infer(model, reader, f"embed without {hidden}", InputWait())
        scores.append(score_features(name, features, views, weight_decay))
    return scores
