"""The vocabulary: body parts, splits and labels."""

from typing import Literal, get_args

MuraPart = Literal["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"]
BodyPart = Literal[MuraPart, "other"]
Part = Literal["all", BodyPart]
Split = Literal["train", "valid"]

MURA_PARTS: tuple[MuraPart, ...] = get_args(MuraPart)
"""The body parts of MURA."""
BODY_PARTS: tuple[BodyPart, ...] = get_args(BodyPart)
"""The body parts that a lake can have: `other` is of radiographs that are not MURA's."""
SPLITS: tuple[Split, ...] = get_args(Split)

LABEL_NAMES = ("normal", "abnormal")
"""The name of each label; a label is an index into this tuple."""
