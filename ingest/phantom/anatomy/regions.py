"""Bones and soft tissue of the arm, selected by body part, in the frame of `hand`."""

from dataclasses import dataclass

import numpy as np

from ingest.phantom.anatomy.arm import build_forearm, build_girdle, build_upper_arm
from ingest.phantom.anatomy.bone import Bone
from ingest.phantom.anatomy.hand import build_carpals, build_hand, build_ray, lean_of_ray
from ingest.phantom.random import below
from shared.labels import MuraPart


@dataclass(frozen=True)
class Anatomy:
    """The objects between X-ray tube and film.

    Attributes:
        bones: bones that may have a lesion.
        background: bones without lesions.
        tissue: soft tissue, drawn as one body.
        thick_mm: distance from the edge at which soft tissue reaches its full thickness.
        centre: the point at which the beam is aimed, (x, y), in mm.
        view_mm: length covered by the longer side of the film.
        lean_deg: angle between the bones' axis and y, towards x, seen from the front.
    """

    bones: list[Bone]
    background: list[Bone]
    tissue: list[Bone]
    thick_mm: float
    centre: tuple[float, float]
    view_mm: float
    lean_deg: float = 0.0


def build_anatomy(part: MuraPart, study: np.random.Generator, view: np.random.Generator) -> Anatomy:
    """Build the bones and soft tissue of a radiograph."""
    stretch = view.uniform(0.9, 1.15)
    if part == "finger":
        # the generator of the study: its views show the same finger in different positions
        return _finger(1 + below(study, 4), stretch, view)
    if part in ("humerus", "shoulder"):
        return _humerus(stretch, view) if part == "humerus" else _shoulder(stretch, view)
    hand, hand_tissue = build_hand(view, curl=view.uniform(0, 22))
    carpals = build_carpals()
    forearm, forearm_tissue = build_forearm()
    upper, upper_tissue = build_upper_arm()
    if part == "hand":
        tissue = hand_tissue + forearm_tissue
        return Anatomy(hand, carpals + forearm, tissue, 20, (0, -70), 225 * stretch)
    if part == "wrist":
        bones = [*forearm, *carpals[:1], *hand[3:5]]
        background = [*carpals[1:], *hand[:3], *hand[5:]]
        tissue = hand_tissue + forearm_tissue
        return Anatomy(bones, background, tissue, 24, (0, 14), 150 * stretch)
    tissue = forearm_tissue + upper_tissue
    if part == "forearm":
        background = [*carpals, *hand, *upper]
        return Anatomy(forearm, background, tissue + hand_tissue, 34, (0, 135), 320 * stretch)
    return Anatomy(forearm + upper, [], tissue, 36, (2, 255), 190 * stretch)


def _finger(digit: int, stretch: float, view: np.random.Generator) -> Anatomy:
    alone = view.random() < 0.55
    bones, background, tissue = list[Bone](), list[Bone](), list[Bone]()
    curl = view.uniform(0, 18)
    for index in range(digit, digit + 1) if alone else range(1, 5):
        ray, skin = build_ray(index, curl if index == digit else curl + 8, 0.0)
        (bones if index == digit else background).extend(ray)
        tissue.extend(skin)
    x, y, _ = np.mean([bone.line.mean(axis=0) for bone in bones[1:]], axis=0)
    centre = (float(x), float(y))
    return Anatomy(bones, background, tissue, 10, centre, 105 * stretch, lean_of_ray(digit))


def _humerus(stretch: float, view: np.random.Generator) -> Anatomy:
    upper, upper_tissue = build_upper_arm()
    forearm, forearm_tissue = build_forearm()
    girdle, girdle_tissue = build_girdle()
    tissue = upper_tissue + forearm_tissue + girdle_tissue
    y = view.uniform(395, 425)
    return Anatomy(upper, forearm + girdle, tissue, 42, (14, y), 345 * stretch)


def _shoulder(stretch: float, view: np.random.Generator) -> Anatomy:
    upper, upper_tissue = build_upper_arm()
    girdle, girdle_tissue = build_girdle()
    tissue = upper_tissue + girdle_tissue
    x, y = view.uniform(28, 55), view.uniform(520, 550)
    return Anatomy(upper + girdle[:1], girdle[1:], tissue, 60, (x, y), 225 * stretch)
