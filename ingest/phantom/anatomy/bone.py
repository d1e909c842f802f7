"""The model of a bone: a tube of varying width along a line in space, in millimetres."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = tuple[float, float, float]

_NUM_SAMPLES = 30
# samples are denser at the rounded ends
# positions of the samples along a bone, from 0 to 1
ALONG: Array = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, _NUM_SAMPLES))


@dataclass(frozen=True)
class Bone:
    """A bone, or a section of soft tissue, in mm; attenuation 1 is that of a long bone.

    x points to the little finger of a right hand, y to the shoulder, z to the back of the hand.

    Attributes:
        line: centre line, (n, 3).
        half_width: half the width along x, (n,).
        depth: thickness along z, as a multiple of the width.
        cortex: thickness of the cortex.
        shaft: half the width of the shaft.
        density: attenuation.
        slant: slope of the ends, as a share of the half width.
        beyond_elbow: whether the bone belongs to the upper arm, which rotates at the elbow.
        grown_on: heads and processes of this bone.
    """

    line: Array
    half_width: Array
    depth: float = 1.0
    cortex: float = 1.5
    shaft: float = 5.0
    density: float = 1.0
    slant: float = 0.0
    beyond_elbow: bool = False
    grown_on: tuple["Bone", ...] = ()

    def roughened(self, rng: np.random.Generator, girth: float, cortex: float) -> "Bone":
        """Return a patient's variant: scaled by `girth` and `cortex`, with an uneven surface."""
        waves = np.arange(1, 4)[:, None]
        phases = rng.uniform(0, 2 * np.pi, (3, 1))
        size = 0.032 if self.is_short else 0.022
        uneven = 1 + size * np.sin(2 * np.pi * waves * ALONG + phases).sum(axis=0)
        return replace(
            self,
            half_width=self.half_width * girth * uneven,
            shaft=self.shaft * girth,
            cortex=self.cortex * cortex,
            grown_on=tuple(bone.roughened(rng, girth, cortex) for bone in self.grown_on),
        )

    def moved_beyond_elbow(self) -> "Bone":
        """Return the bone and its processes, marked as part of the upper arm."""
        grown_on = tuple(replace(bone, beyond_elbow=True) for bone in self.grown_on)
        return replace(self, beyond_elbow=True, grown_on=grown_on)

    @property
    def is_short(self) -> bool:
        """Whether the bone does not widen towards its ends."""
        return float(self.half_width.max()) <= self.shaft * 1.01


# bones and soft tissue
Region = tuple[list[Bone], list[Bone]]


@dataclass(frozen=True)
class Shape:
    """The shape of a bone; depth, density and slant as in `Bone`.

    Attributes:
        bow: deflection of the middle, in mm.
        flare: share of the length over which each end widens.
        cortex: thickness of the cortex in mm; 0 for a third of the shaft's half width.
        blunt: length of the rounding of the ends, as a multiple of the half width.
    """

    bow: Point = (0.0, 0.0, 0.0)
    flare: tuple[float, float] = (0.2, 0.2)
    depth: float = 0.85
    cortex: float = 0.0
    density: float = 1.0
    slant: float = 0.0
    blunt: float = 0.8


_LONG, _ROUND = Shape(), Shape(depth=1.0, cortex=1.2)


def long_bone(
    start: Point, end: Point, half_widths: tuple[float, float, float], shape: Shape = _LONG
) -> Bone:
    """Make a long bone, in mm; `half_widths` are those of its first end, shaft and other end."""
    a, b = np.array(start), np.array(end)
    width = _flare(half_widths, shape, float(np.linalg.norm(b - a)))
    bend = np.sin(np.pi * ALONG)[:, None] * np.array(shape.bow)
    line = a + (b - a) * ALONG[:, None] + bend
    shaft = half_widths[1]
    cortex = shape.cortex or shaft / 3
    return Bone(line, width, shape.depth, cortex, shaft, shape.density, shape.slant)


def _flare(half_widths: tuple[float, float, float], shape: Shape, length: float) -> Array:
    first, shaft, last = half_widths
    width = (
        shaft
        + (first - shaft) * np.exp(-((ALONG / shape.flare[0]) ** 2) * 1.6)
        + (last - shaft) * np.exp(-(((1 - ALONG) / shape.flare[1]) ** 2) * 1.6)
    )
    width = width * _round_end(ALONG * length / (shape.blunt * first))
    return width * _round_end((1 - ALONG) * length / (shape.blunt * last))


def _round_end(from_end: Array) -> Array:
    # a superellipse
    return (1 - (1 - np.clip(from_end, 0, 1)) ** 2.2) ** (1 / 2.2)


def short_bone(
    centre: Point, half_axes: tuple[float, float], turn_deg: float = 0.0, shape: Shape = _ROUND
) -> Bone:
    """Make a short bone, e.g. of the wrist, in mm; `turn_deg` turns its long axis towards x."""
    turn = np.deg2rad(turn_deg)
    axis = np.array([np.sin(turn), -np.cos(turn), 0.0])
    along = 2 * ALONG - 1
    line = np.array(centre) + half_axes[1] * along[:, None] * axis
    width = half_axes[0] * (1 - np.abs(along) ** 2.8) ** (1 / 2.8)
    return Bone(line, width, shape.depth, shape.cortex, half_axes[0], shape.density)
