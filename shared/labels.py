"""Names of body parts, splits and labels."""

from typing import Literal, get_args

MuraPart = Literal["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"]
BodyPart = Literal[MuraPart, "other"]
Part = Literal["all", BodyPart]
Split = Literal["train", "valid"]

MURA_PARTS: tuple[MuraPart, ...] = get_args(MuraPart)
"""The body parts of MURA."""
BODY_PARTS: tuple[BodyPart, ...] = get_args(BodyPart)
"""Body parts in a lake: those of MURA, and `other` for radiographs from other sources."""
SPLITS: tuple[Split, ...] = get_args(Split)

LABEL_NAMES = ("normal", "abnormal")
"""The name of each label; a label is an index into this tuple."""
