"""The vocabulary of MURA: its body parts, splits and labels."""

from typing import Literal, get_args

BodyPart = Literal["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"]
Part = Literal["all", BodyPart]
Split = Literal["train", "valid"]

BODY_PARTS: tuple[BodyPart, ...] = get_args(BodyPart)
SPLITS: tuple[Split, ...] = get_args(Split)

LABEL_NAMES = ("normal", "abnormal")
"""The name of each label; a label is an index into this tuple."""
