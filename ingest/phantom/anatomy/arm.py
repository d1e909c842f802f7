"""Bones and soft tissue of forearm, upper arm and shoulder girdle, in the frame of `hand`."""

from dataclasses import replace

from ingest.phantom.anatomy.bone import Point, Region, Shape, long_bone, short_bone

ELBOW: Point = (2.0, 244.0, 0.0)


def build_forearm() -> Region:
    """Build radius and ulna."""
    radius = long_bone(
        (-7.5, 14.8, -1),
        (-10, 231, 2),
        (14.6, 6.2, 10.4),
        Shape(bow=(-9, 0, 4), flare=(0.14, 0.05), depth=0.72, slant=-0.26, blunt=0.4),
    )
    styloid = short_bone((19.5, 20, 6), (2.4, 4.6), 10)
    olecranon = short_bone((8, 252, 9), (12.5, 17), 0, Shape(depth=0.8, cortex=1.2))
    ulna = long_bone(
        (15.5, 19.5, 4),
        (8, 250, 4),
        (7.2, 5.2, 11.0),
        Shape(bow=(4, 0, 5), flare=(0.07, 0.14), depth=1.05),
    )
    ulna = replace(ulna, grown_on=(styloid, olecranon))
    tissue = [
        long_bone((2, -14, 0), (1, 150, 0), (31, 33, 42), Shape(flare=(0.5, 0.8), depth=0.72)),
        long_bone((1, 110, 0), (1, 275, 0), (40, 46, 43), Shape(flare=(0.3, 0.4), depth=0.85)),
    ]
    return [radius, ulna], tissue


def build_upper_arm() -> Region:
    """Build the humerus, with condyles and head."""
    condyles = (
        short_bone((-11, 241, -4), (10, 9), 0),
        short_bone((2, 244, -2), (9, 8), 0),
        short_bone((15, 241, -2), (10, 11), 0),
        short_bone((21, 254, 2), (6, 11), 30),
        short_bone((-14, 254, 2), (6, 11), -28),
    )
    neck = short_bone((4, 546, 0), (18, 17), 0)
    head = short_bone((20, 551, 2), (22, 22), 40)
    tubercle = short_bone((-10, 541, -2), (13, 19), -14)
    shaft = long_bone(
        (3, 235, 0),
        (5, 548, 0),
        (26, 10.2, 19),
        Shape(bow=(3, 0, -5), flare=(0.15, 0.16), depth=0.85, cortex=3.6),
    )
    shaft = replace(shaft, grown_on=(*condyles, neck, head, tubercle))
    tissue = [
        long_bone((2, 225, 0), (4, 400, 0), (44, 44, 52), Shape(flare=(0.4, 0.6))),
        long_bone((4, 350, 0), (6, 610, 0), (50, 54, 66), Shape(flare=(0.4, 0.5))),
    ]
    return [shaft.moved_beyond_elbow()], [t.moved_beyond_elbow() for t in tissue]


def build_girdle() -> Region:
    """Build clavicle, scapula, ribs and the soft tissue of the chest."""
    clavicle = long_bone(
        (26, 588, -6),
        (165, 612, -30),
        (8.0, 5.6, 11),
        Shape(bow=(0, 7, -6), density=0.85, flare=(0.3, 0.2)),
    )
    acromion = long_bone(
        (-4, 582, 6), (74, 556, 26), (9, 6.5, 5.5), Shape(bow=(0, 5, 0), density=0.38, depth=0.5)
    )
    coracoid = long_bone(
        (34, 570, -18), (58, 561, -2), (6, 5, 8), Shape(bow=(0, 4, 0), density=0.5)
    )
    glenoid = short_bone((49, 547, 2), (6.5, 19), -8, Shape(depth=1.0, density=0.65, cortex=1.4))
    blade = long_bone(
        (58, 560, 8),
        (112, 420, 26),
        (26, 34, 9),
        Shape(depth=0.25, density=0.16, flare=(0.3, 0.35)),
    )
    border = long_bone(
        (50, 532, 6), (92, 418, 24), (6, 3.4, 4), Shape(bow=(-4, 0, 0), density=0.34)
    )
    ribs = [
        long_bone(
            (98 + 3 * i, 520 - 34 * i, 10),
            (230, 600 - 34 * i, 10),
            (5.5, 5, 6),
            Shape(bow=(-16, 26, 0), density=0.24),
        )
        for i in range(7)
    ]
    tissue = [
        long_bone((20, 590, 0), (230, 640, 0), (62, 58, 62), Shape(depth=0.8)),
        long_bone((130, 610, 0), (150, 330, 0), (66, 84, 80), Shape(depth=0.8)),
    ]
    return [clavicle, acromion, coracoid, glenoid, blade, border, *ribs], tissue
