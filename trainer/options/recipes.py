"""Recipes: tested options of a fit, with the command, the duration and the expected score.

Durations and scores are those of docs/recipes.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trainer.models.candidates import TrainedPart

RecipeName = Literal["quick", "frozen", "good", "best", "published"]
Tta = Literal["none", "flip"]


@dataclass(frozen=True)
class Recipe:
    """Options of a fit, for those that are not given.

    Attributes:
        copies: `copies=`, for heads on a frozen backbone, also that of a staged fit.
        weight_decay: `weight_decay=` and `weight_decays=`, for the same heads.
        duration: duration of the example, or `not measured`.
        score: expected score of the example, or `not measured`.
        train: `train=`, for models with pretrained weights.
        options: all other options, by name; `trainer.runs.parse_fit` sets them.
    """

    copies: int
    tta: Tta
    weight_decay: float
    command: str
    duration: str
    score: str
    train: TrainedPart = "head"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


_NOT_MEASURED = "not measured"
_GOOD = {
    "augment": "strong",
    "batch_size": 32,
    "optimizer": "adamw",
    # a tenth of it after the head
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup": 0.05,
    "ema": 0.99,
    "clip_norm": 1.0,
    "label_smoothing": 0.05,
    "epochs": 15,
    # the schedule needs all epochs
    "patience": 1000,
    "keep": "study_auroc",
}
# Rajpurkar et al. 2017, arXiv:1712.06957, section 3.2; epochs and patience are not stated there
_PUBLISHED = {
    "model": "densenet169",
    "models": "densenet169",
    "augment": "light",
    "batch_size": 8,
    "learning_rate": 1e-4,
    "schedule": "plateau",
    "class_weight": "label",
    "norm": "trainable",
    "epochs": 30,
    "patience": 5,
}

RECIPES: dict[RecipeName, Recipe] = {
    "quick": Recipe(
        copies=2,
        tta="flip",
        weight_decay=200.0,
        command="just cv part=elbow recipe=quick",
        duration="2.1 minutes on 2 cores for 5,396 views, from PNG to report",
        score="view AUROC 0.905 on a synthetic humerus",
    ),
    "frozen": Recipe(
        copies=4,
        tta="flip",
        weight_decay=200.0,
        command="just cv part=elbow recipe=frozen",
        duration="3.8 minutes on 2 cores for 5,396 views, from PNG to report",
        score="view AUROC 0.910 on a synthetic humerus",
    ),
    "good": Recipe(
        copies=4,
        tta="flip",
        weight_decay=200.0,
        train="staged",
        options=_GOOD,
        command="just train part=elbow recipe=good",
        duration="243 CPU seconds for the folds of cv k=3 of 1,272 views of 96 px in 6 epochs",
        score="view AUROC 0.757 on a synthetic humerus, in the same run",
    ),
    "best": Recipe(
        copies=4,
        tta="flip",
        weight_decay=200.0,
        train="staged",
        options={**_GOOD, "input_px": 448, "ensemble": "folds", "seeds": 3},
        command="just train part=elbow lake=lake448 recipe=best",
        duration=_NOT_MEASURED,
        score=_NOT_MEASURED,
    ),
    "published": Recipe(
        copies=1,
        tta="none",
        weight_decay=200.0,
        train="all",
        options=_PUBLISHED,
        command="just train recipe=published",
        duration=_NOT_MEASURED,
        score=_NOT_MEASURED,
    ),
}
