"""The position of a lesion: a bone, and a point on it well inside the beam."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.phantom.anatomy.bone import Array
from ingest.phantom.drawing.pose import Outline
from ingest.phantom.random import below


@dataclass(frozen=True)
class Site:
    """A sample of a bone's centre line, with direction and half width there, in pixels."""

    outline: Outline
    index: int

    @property
    def point(self) -> Array:
        """The point on the centre line, in pixels."""
        return self.outline.line[self.index]

    @property
    def half_width(self) -> float:
        """Half the bone's width at the point, in pixels."""
        return float(self.outline.half_width[self.index])

    @property
    def across(self) -> Array:
        """Unit vector across the bone."""
        return self.outline.normal[self.index]

    @property
    def along(self) -> Array:
        """Unit vector along the bone."""
        return np.array([self.across[1], -self.across[0]])


def choose_site(outlines: list[Outline], beam: NDArray[np.uint8], rng: np.random.Generator) -> Site:
    """Choose the position of a lesion, well inside the beam.

    Args:
        outlines: outlines of the bones that may have a lesion; at least one.
        rng: random generator of the study, so that all its views break the same bone.
    """
    weights = np.array([np.ptp(o.line, axis=0).max() for o in outlines])
    for _ in range(25):
        outline = outlines[rng.choice(len(outlines), p=weights / weights.sum())]
        index = 5 + below(rng, len(outline.line) - 10)
        if _is_inside(Site(outline, index), beam):
            return Site(outline, index)
    # if all tries fail, the position nearest to the middle of the film
    middle = np.array(beam.shape[::-1]) / 2
    sites = [Site(o, i) for o in outlines for i in range(4, len(o.line) - 4, 2)]
    return min(sites, key=lambda site: float(np.linalg.norm(site.point - middle)))


def _is_inside(site: Site, beam: NDArray[np.uint8]) -> bool:
    height, width = beam.shape
    room = min(1.3 * site.half_width, 0.2 * min(width, height)) + 8
    corners = site.point + room * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    if corners.min() < 0 or (corners >= [width, height]).any():
        return False
    columns, rows = corners.astype(int).T
    return bool(beam[rows, columns].all())
