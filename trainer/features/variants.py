"""Variants of a view to embed: the view, its mirror image, and random light changes."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.images.pixels import Pixels
from shared.lake.open import Lake
from shared.lake.reader import ViewReader

# ranges of the light changes; each is drawn uniformly, the factors on a logarithmic scale
_DEGREES = 30.0
_ZOOM = (0.9, 1.25)
# as a fraction of the image side
_SHIFT = 0.05
# factor of the grey levels
_GAIN = (0.8, 1.25)
# in grey levels
_BRIGHTNESS = 15.0


@dataclass(frozen=True)
class Variant:
    """An image made from a view.

    `plain` is the view itself; `light` is a random rotation, zoom, shift, gain and brightness, with
    a seed of `seed`, `number` and the `view_id`.
    """

    kind: Literal["plain", "mirrored", "light"] = "plain"
    seed: int = 0
    number: int = 0

    @property
    def name(self) -> str:
        """A name for cache keys, empty for the view itself."""
        return f"light {self.number} of seed {self.seed}" if self.kind == "light" else self.label

    @property
    def label(self) -> str:
        """A name for progress displays, empty for the view itself."""
        labels = {"plain": "", "mirrored": "mirrored", "light": f"random change {self.number + 1}"}
        return labels[self.kind]

    def open(self, lake: Lake, views: pl.DataFrame) -> ViewReader:
        """Return a reader of this variant of views of a lake."""
        return (
            ViewReader(lake, views) if self.kind == "plain" else _VariantReader(lake, views, self)
        )

    def make(self, image: Pixels, view_id: str) -> Pixels:
        """Return this variant of an image, uint8 (size, size)."""
        if self.kind == "plain":
            return image
        if self.kind == "mirrored":
            return image[:, ::-1]
        words = f"{self.seed} {self.number} {view_id}".encode()
        return _change_lightly(image, int.from_bytes(hashlib.sha256(words).digest()[:16], "big"))


PLAIN, MIRRORED = Variant(), Variant("mirrored")


def list_rows(copies: int, seed: int) -> list[Variant]:
    """Return the variants of a train view: itself, its mirror image, then random light changes."""
    light = [Variant("light", seed, number) for number in range(copies - 2)]
    return [PLAIN, MIRRORED, *light][:copies]


class _VariantReader(ViewReader):
    def __init__(self, lake: Lake, views: pl.DataFrame, variant: Variant):
        super().__init__(lake, views)
        self._variant = variant
        self._view_ids: list[str] = views["view_id"].to_list()

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        images = super().read(rows)
        for index, row in enumerate(rows):
            grey = self._variant.make(images[index, :, :, 0], self._view_ids[int(row)])
            # a copy, because a mirror image is a view of the memory that it replaces
            images[index, :, :, 0] = grey.copy()
        return images


def _change_lightly(image: Pixels, seed: int) -> Pixels:
    random: Any = np.random.default_rng(seed)  # numpy 1 types its methods only in part
    side = image.shape[0]
    draws = random.uniform(-1, 1, 4) * (_DEGREES, _SHIFT * side, _SHIFT * side, _BRIGHTNESS)
    degrees, shift_x, shift_y, brightness = draws
    zoom, gain = (math.exp(random.uniform(*map(math.log, bounds))) for bounds in (_ZOOM, _GAIN))
    centre = (side - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), degrees, zoom)
    matrix[:, 2] += shift_x, shift_y
    moved = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)
    levels = np.clip(np.rint(np.arange(256) * gain + brightness), 0, 255).astype(np.uint8)
    return levels[moved]
