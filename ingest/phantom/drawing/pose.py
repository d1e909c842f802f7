"""The pose of the arm, and the projection of bones to outlines on the film, in pixels."""

from dataclasses import dataclass, replace

import numpy as np

from ingest.phantom.anatomy.arm import ELBOW
from ingest.phantom.anatomy.bone import Array, Bone
from ingest.phantom.anatomy.regions import Anatomy
from ingest.phantom.drawing.patient import Patient
from ingest.phantom.random import pick
from shared.labels import MuraPart


@dataclass(frozen=True)
class Outline:
    """The projection of a bone on the film, in pixels.

    Attributes:
        line: centre line, (n, 2).
        normal: unit vectors across the line, (n, 2).
        half_width: half the width along the line, (n,).
        edges: closed polygons, (n, 2); the bone is their union.
        shaft_px: half the shaft's width.
    """

    line: Array
    normal: Array
    half_width: Array
    edges: tuple[Array, ...]
    shaft_px: float
    cortex_px: float
    density: float


@dataclass(frozen=True)
class Pose:
    """The position of the arm between X-ray tube and film.

    Attributes:
        roll_deg: rotation about the arm's long axis; 0 is frontal, 90 lateral.
        bend_deg: rotation of the upper arm at the elbow, in the plane of the film.
        turn: 2 x 2 matrix from mm to pixels: rotation, reflection and scale.
        centre: anatomical point projected to `middle`, (x, y), in mm.
        middle: position of that point on the film, (x, y), in pixels.
        scale: pixels per mm.
    """

    roll_deg: float
    bend_deg: float
    turn: Array
    centre: Array
    middle: Array
    scale: float

    def project(self, bone: Bone) -> Outline:
        """Return the bone's outline on the film."""
        roll = np.deg2rad(self.roll_deg)
        x, y, z = (bone.line - np.array([self.centre[0], 0, 0])).T
        flat = np.stack([x * np.cos(roll) + z * np.sin(roll) + self.centre[0], y], axis=1)
        if bone.beyond_elbow and self.bend_deg:
            elbow = np.array(ELBOW[:2])
            flat = (flat - elbow) @ rotation(self.bend_deg).T + elbow
        line = (flat - self.centre) @ self.turn.T + self.middle
        # projected half width of an elliptic cross-section at this roll
        squeeze = np.hypot(np.cos(roll), bone.depth * np.sin(roll))
        half_width = bone.half_width * squeeze * self.scale
        outline = _outline(line, half_width, bone, squeeze * self.scale, self.scale)
        grown_on = [edge for part in bone.grown_on for edge in self.project(part).edges]
        return replace(outline, edges=(*outline.edges, *grown_on))


def rotation(angle_deg: float) -> Array:
    """Return the 2 x 2 rotation matrix of an angle."""
    angle = np.deg2rad(angle_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _outline(line: Array, half_width: Array, bone: Bone, across: float, scale: float) -> Outline:
    way = np.gradient(line, axis=0)
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)
    normal = way[:, ::-1] * np.array([-1.0, 1.0])
    across_line = normal * half_width[:, None]
    along_line = way * (bone.slant * half_width)[:, None]
    edge = np.concatenate(
        [line + across_line + along_line, (line - across_line - along_line)[::-1]]
    )
    return Outline(
        line, normal, half_width, (edge,), bone.shaft * across, bone.cortex * scale, bone.density
    )


def choose_pose(
    part: MuraPart,
    anatomy: Anatomy,
    size: tuple[int, int],
    patient: Patient,
    rng: np.random.Generator,
) -> Pose:
    """Choose a standard projection (frontal, oblique or lateral) with random deviations."""
    roll = pick(rng, _ROLLS_DEG[part]) + rng.normal(0, 6)
    scale = max(size) / anatomy.view_mm * patient.size
    spin = _choose_spin(part, size, rng)
    bend = 0.0
    aim: Array = np.array(anatomy.centre)
    if part in ("elbow", "forearm"):
        # bent in lateral views, straight in frontal ones
        bend = float(np.sin(np.deg2rad(roll)) * rng.uniform(55, 95) + rng.normal(0, 6))
        spin -= (0.5 if part == "elbow" else 0.12) * bend
    if part == "elbow":
        # the beam is aimed inside the angle of a bent elbow
        halves = rotation(bend) @ np.array([0.0, 1.0]) - np.array([0.0, 1.0])
        aim = aim + 26 * halves
    straight = rotation(-anatomy.lean_deg * np.cos(np.deg2rad(roll)))
    mirror = np.diag([-1.0 if patient.is_left else 1.0, 1.0])
    middle = np.array(size) * rng.normal(0.5, 0.03, 2)
    return Pose(roll, bend, rotation(spin) @ mirror @ straight * scale, aim, middle, scale)


_ROLLS_DEG: dict[MuraPart, tuple[float, ...]] = {
    "elbow": (0, 0, 85, 85, 40),
    "finger": (0, 0, 40, 85),
    "forearm": (0, 0, 80),
    "hand": (0, 0, 38, 30, 75),
    "humerus": (0, 20, 65),
    "shoulder": (-12, 0, 12, 28),
    "wrist": (0, 0, 40, -35, 84),
}


def _choose_spin(part: MuraPart, size: tuple[int, int], rng: np.random.Generator) -> float:
    width, height = size
    spin = float(rng.normal(0, 7) if rng.random() < 0.7 else rng.normal(0, 30))
    # a narrow film is aligned with the limb
    if min(size) < 0.5 * max(size):
        spin *= 0.4
    # a landscape film shows the limb along its width
    if width > height:
        spin += 90.0
    # fingers point up in the model, but radiographs show the upper arm hanging down
    hangs = part in ("humerus", "shoulder")
    return spin + 180.0 if hangs or rng.random() < 0.08 else spin
