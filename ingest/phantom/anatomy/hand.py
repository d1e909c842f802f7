"""Bones and soft tissue of the hand: carpals, metacarpals and phalanges, in mm."""

import numpy as np

from ingest.phantom.anatomy.bone import Bone, Point, Region, Shape, long_bone, short_bone

# of a right hand: the origin is the middle of the wrist, fingers point to -y, the little finger is
# at +x, the back of the hand at +z
# thumb to little finger: base of the ray, its direction in degrees from -y, lengths of its bones
_RAYS: tuple[tuple[tuple[float, float], float, tuple[float, ...]], ...] = (
    ((-24.0, -3.0), -40.0, (44.0, 31.0, 23.0)),
    ((-13.0, -17.0), -9.0, (65.0, 40.0, 24.0, 18.0)),
    ((-2.5, -18.5), -1.0, (63.0, 44.0, 28.0, 19.0)),
    ((7.0, -16.5), 7.0, (56.0, 41.0, 27.0, 19.0)),
    ((15.5, -12.5), 16.0, (51.0, 33.0, 19.0, 17.0)),
)
# half widths of base, shaft and head of metacarpals and phalanges
_RAY_WIDTHS = ((7.4, 4.1, 7.2), (7.2, 4.3, 5.6), (6.2, 3.7, 5.0), (5.2, 2.5, 3.6))
_JOINT_MM = 1.1

# centre, half axes, turn: scaphoid, lunate, triquetrum, pisiform; trapezium, trapezoid, capitate,
# hamate
_CARPALS: tuple[tuple[Point, tuple[float, float], float], ...] = (
    ((-13.5, 5.0, -3.0), (6.4, 11.5), -38.0),
    ((-1.5, 9.5, 0.0), (8.0, 6.6), 20.0),
    ((10.5, 6.0, 2.0), (6.6, 6.6), 0.0),
    ((14.5, 5.0, -9.0), (4.4, 5.0), 0.0),
    ((-21.0, -5.5, -5.0), (7.0, 7.2), -30.0),
    ((-12.5, -9.0, 0.0), (5.4, 6.4), 0.0),
    ((-2.0, -5.5, 0.0), (7.2, 11.5), 4.0),
    ((9.0, -5.0, 0.0), (8.0, 9.0), 25.0),
)


def build_carpals() -> list[Bone]:
    """Build the eight carpal bones."""
    return [
        short_bone(centre, (0.95 * a, 0.95 * b), turn, Shape(depth=1.0, density=0.75, cortex=1.0))
        for centre, (a, b), turn in _CARPALS
    ]


def build_hand(view: np.random.Generator, curl: float) -> Region:
    """Build metacarpals and fingers, bent by about `curl` degrees at each joint."""
    spread = view.uniform(0.5, 1.9)
    bones: list[Bone] = []
    tissue = [long_bone((-3, -8, 0), (2, -72, 0), (31, 38, 39), Shape(depth=0.35))]
    tissue.append(long_bone((-20, 2, 0), (-30, -62, -4), (17, 13, 9), Shape(depth=0.7)))
    for index in range(len(_RAYS)):
        ray, skin = build_ray(index, curl + view.uniform(-4, 8), spread)
        bones.extend(ray)
        tissue.extend(skin)
    return bones, tissue


def lean_of_ray(index: int) -> float:
    """Return the angle between a digit and -y, towards x, in degrees."""
    return _RAYS[index][1]


def build_ray(index: int, curl_deg: float, spread: float) -> Region:
    """Build metacarpal and phalanges of a digit, flexed by about `curl_deg` at each joint."""
    (x, y), lean, lengths = _RAYS[index]
    widths = _RAY_WIDTHS[:1] + _RAY_WIDTHS[-len(lengths) + 1 :]
    girth = (1.1, 1.0, 1.0, 0.93, 0.84)[index]
    at, bent, bones, tissue = np.array([x, y, 0.0]), 0.0, list[Bone](), list[Bone]()
    for link, (length, width) in enumerate(zip(lengths, widths, strict=True)):
        turn, tilt = np.deg2rad(lean), np.deg2rad(bent)
        way = np.array([np.sin(turn) * np.cos(tilt), -np.cos(turn) * np.cos(tilt), -np.sin(tilt)])
        end = at + way * length
        sides = (width[0] * girth, width[1] * girth, width[2] * girth)
        bow = (0.0, 0.0, 1.8 if link == 0 else 1.0)
        bones.append(long_bone(tuple(at), tuple(end), sides, Shape(bow=bow, flare=(0.27, 0.24))))
        if link or index == 0:
            skin = (11.2 - 0.8 * link) * girth
            low, high = tuple(at - 5 * way), tuple(end + 4 * way)
            tissue.append(long_bone(low, high, (skin, skin, skin * 0.92)))
        at, bent = end + way * _JOINT_MM, bent + curl_deg * (0.9 if link else 0.5)
        lean += spread * lean * 0.35 if link == 0 and index else 0.0
    return bones, tissue
