"""Recipes: tested options of a fit; docs/recipes.md has their durations and results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trainer.models.candidates import TrainedPart

RecipeName = Literal["quick", "frozen", "good", "best", "published"]
Tta = Literal["none", "flip"]


@dataclass(frozen=True)
class Recipe:
    """Options of a fit, for those that are not given.

    `copies` and `weight_decay` are for heads on a frozen backbone, also for the first head of a
    staged fit, `train` for models with pretrained weights; `trainer.runs.fit_options.parse_fit`
    sets all other options.
    """

    tta: Tta
    train: TrainedPart
    copies: int = 1
    weight_decay: float = 200.0
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


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
    "quick": Recipe(tta="flip", train="head", copies=2),
    "frozen": Recipe(tta="flip", train="head", copies=4),
    "good": Recipe(tta="flip", train="staged", copies=4, options=_GOOD),
    "best": Recipe(
        tta="flip",
        train="staged",
        copies=4,
        options={**_GOOD, "input_px": 448, "ensemble": "folds", "seeds": 3},
    ),
    "published": Recipe(tta="none", train="all", options=_PUBLISHED),
}
