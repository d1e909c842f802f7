"""The effect of burnt-in markers on decisions: markers painted over, against random patches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import bdtrc

from shared.images.pixels import Pixels
from shared.images.preprocessing.markers import Blob, paint_over
from trainer.evaluation.binary_metrics import Floats

Predict = Callable[[Pixels], Floats]
"""From images, uint8 (rows, size, size), to probabilities of abnormal, (rows,)."""

_ALARM_P = 0.01


@dataclass(frozen=True)
class MarkerEffect:
    """Decisions that change if markers are painted over, or patches of the same sizes elsewhere.

    Attributes:
        by_markers: decisions that change without the markers.
        by_patches: decisions that change without random patches.
        p_value: probability that markers change as many more decisions than patches by chance: a
            one-sided exact McNemar test of the views where only one of the two changes the decision
            (McNemar 1947, Psychometrika 12:153).
    """

    num_views: int
    by_markers: int
    by_patches: int
    p_value: float

    @property
    def is_alarm(self) -> bool:
        """Whether markers change more decisions than chance explains."""
        return self.p_value < _ALARM_P


def measure_effect(
    predict: Predict,
    images: Pixels,
    markers: Sequence[Sequence[Blob]],
    threshold: float,
    seed: int,
) -> MarkerEffect:
    """Compare the decisions on views with the decisions without their markers."""
    rng = np.random.default_rng(seed)
    side_px = images.shape[1]
    pairs = list(zip(images, markers, strict=True))
    without = np.stack([paint_over(image, blobs) for image, blobs in pairs])
    patched = np.stack(
        [paint_over(image, _move_randomly(blobs, side_px, rng)) for image, blobs in pairs]
    )
    decisions, by_markers, by_patches = (
        predict(views) >= threshold for views in (images, without, patched)
    )
    changed, changed_by_chance = decisions != by_markers, decisions != by_patches
    only_markers = int((changed & ~changed_by_chance).sum())
    only_patches = int((~changed & changed_by_chance).sum())
    # bdtrc is the probability of more successes than its first argument
    num_different = only_markers + only_patches
    p_value = float(bdtrc(only_markers - 1, num_different, 0.5)) if only_markers else 1.0
    return MarkerEffect(len(images), int(changed.sum()), int(changed_by_chance.sum()), p_value)


def _move_randomly(blobs: Sequence[Blob], side_px: int, random: Any) -> list[Blob]:
    """Return boxes of the same sizes at random places of an image.

    Args:
        random: a `numpy.random.Generator`, whose methods numpy 1 types only in part.
    """
    return [
        blob._replace(
            x=int(random.integers(side_px - blob.width + 1)),
            y=int(random.integers(side_px - blob.height + 1)),
        )
        for blob in blobs
    ]
