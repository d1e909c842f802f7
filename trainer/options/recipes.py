"""Recipes: tested options of a fit, with the command, the duration and the expected score.

Durations and scores are those of docs/recipes.md, on synthetic radiographs.
"""

from dataclasses import dataclass
from typing import Literal

RecipeName = Literal["quick", "frozen"]
Tta = Literal["none", "flip"]


@dataclass(frozen=True)
class Recipe:
    """Options of a head on a frozen backbone, for those that are not given.

    Attributes:
        copies: `copies=`.
        tta: `tta=`.
        weight_decay: `weight_decay=` and `weight_decays=`.
        command: example.
        duration: CPU time of the example.
        score: expected score of the example.
    """

    copies: int
    tta: Tta
    weight_decay: float
    command: str
    duration: str
    score: str


RECIPES: dict[RecipeName, Recipe] = {
    "quick": Recipe(
        copies=2,
        tta="flip",
        weight_decay=200.0,
        command="just cv part=elbow recipe=quick",
        duration="590 CPU seconds for 5,400 views",
        score="view AUROC 0.905 on a synthetic humerus",
    ),
    "frozen": Recipe(
        copies=4,
        tta="flip",
        weight_decay=200.0,
        command="just cv part=elbow",
        duration="1,020 CPU seconds for 5,400 views",
        score="view AUROC 0.910 on a synthetic humerus",
    ),
}
