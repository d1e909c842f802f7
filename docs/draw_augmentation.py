"""Draws docs/augmentation.png: synthetic radiographs, each with random changes of `augment=strong`.

`just docs` runs it.
"""

from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from ingest.phantom.drawing.image import View, draw
from shared.images.pixels import Pixels
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from shared.labels import MuraPart
from trainer.data.augment import augment

_PICTURE = Path(__file__).with_name("augmentation.png")
_PARTS: tuple[MuraPart, ...] = ("elbow", "hand", "shoulder", "wrist")
_NUM_COLUMNS = 6
_WIDTH_PX, _HEIGHT_PX = 400, 512
_SIDE_PX = 104


def draw_sheet() -> Pixels:
    """Return one row per body part: the view, then random changes of it, uint8 (height, width)."""
    seeds = range(len(_PARTS))
    views = np.stack([_draw_view(seed) for seed in seeds])
    columns = [views, *(_change(views, number) for number in range(_NUM_COLUMNS - 1))]
    return np.hstack([np.vstack([_shrink(view) for view in column]) for column in columns])


def _draw_view(seed: int) -> Pixels:
    view = View("", _PARTS[seed], _WIDTH_PX, _HEIGHT_PX, 1, None, seed, seed, seed)
    return prepare(draw(view)[0], ImageSpec())


def _change(views: Pixels, number: int) -> Pixels:
    return np.asarray(augment(tf.constant(views[..., None]), "strong", 0, number))[..., 0]


def _shrink(view: Pixels) -> Pixels:
    small = cv2.resize(view, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.copyMakeBorder(small, 0, 4, 0, 4, cv2.BORDER_CONSTANT, value=(255,)), np.uint8
    )


if __name__ == "__main__":
    _, encoded = cv2.imencode(".png", draw_sheet(), (cv2.IMWRITE_PNG_COMPRESSION, 9))
    _PICTURE.write_bytes(encoded.tobytes())
