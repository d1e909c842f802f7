"""Names of body parts, splits and labels."""

import re
from collections.abc import Iterable
from typing import Literal, get_args

MuraPart = Literal["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"]
Split = Literal["train", "valid"]

MURA_PARTS: tuple[MuraPart, ...] = get_args(MuraPart)
# the part of radiographs without a named body part; the value of `part=` for all parts
OTHER_PART, ALL_PARTS = "other", "all"
SPLITS: tuple[Split, ...] = get_args(Split)

# a label is an index into this tuple
LABEL_NAMES = ("normal", "abnormal")

# body parts are parts of paths in a lake
PART_PATTERN = "[a-z][a-z0-9_]{0,39}"


def is_part(name: str) -> bool:
    """Return whether a lake can have a body part of this name, e.g. `knee`."""
    return name != ALL_PARTS and re.fullmatch(PART_PATTERN, name) is not None


def order_parts(parts: Iterable[str]) -> list[str]:
    """Return each part once: those of MURA, then others alphabetically, `other` and `all` last."""
    present = set(parts)
    known = [part for part in MURA_PARTS if part in present]
    others = present.difference(known)
    return [*known, *sorted(others, key=lambda part: (part == ALL_PARTS, part == OTHER_PART, part))]
