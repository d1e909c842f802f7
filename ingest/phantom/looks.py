"""Random size, channels and visible lesion of the views of a study."""

import numpy as np

from ingest.phantom.random import below
from shared.labels import MuraPart

# the longer side of MURA's images has at most 512 px
LONGER_SIDE_PX, _MIN_SHORTER_PX = 512, 90

_LESIONS, _LESION_ODDS = ("fracture", "fragment", "hardware"), (0.33, 0.25, 0.42)
_LESION_SHOWS = 0.9
_RGB_SHARE = 1 / 7
_LANDSCAPE_SHARE = 0.12
_SHORTER_TO_LONGER: dict[MuraPart, tuple[float, float]] = {
    "elbow": (0.55, 1.0),
    "finger": (0.17, 0.62),
    "forearm": (0.34, 0.75),
    "hand": (0.6, 0.95),
    "humerus": (0.36, 0.85),
    "shoulder": (0.7, 1.0),
    "wrist": (0.45, 0.9),
}


def plan_looks(
    part: MuraPart, label: int, num_views: int, rng: np.random.Generator
) -> list[tuple[int, int, int, str | None]]:
    """Return width, height, channels and lesion of each view; at least one shows the lesion."""
    channels = 3 if rng.random() < _RGB_SHARE else 1
    kind = _LESIONS[rng.choice(len(_LESIONS), p=_LESION_ODDS)]
    shows = rng.random(num_views) < _LESION_SHOWS
    shows[below(rng, num_views)] = True
    low, high = _SHORTER_TO_LONGER[part]
    shorter = (LONGER_SIDE_PX * rng.uniform(low, high, num_views)).astype(int)
    shorter = np.maximum(shorter, _MIN_SHORTER_PX)
    lies = rng.random(num_views) < _LANDSCAPE_SHARE
    looks: list[tuple[int, int, int, str | None]] = []
    for short, flat, show in zip(shorter.tolist(), lies, shows, strict=True):
        width, height = (LONGER_SIDE_PX, short) if flat else (short, LONGER_SIDE_PX)
        looks.append((width, height, channels, kind if label and show else None))
    return looks
