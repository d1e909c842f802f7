"""Options shared by the commands that train a model."""

import math
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from shared.errors import UsageError
from shared.storage.store import as_store
from trainer.models.table import MODELS
from trainer.options.data import DataOptions
from trainer.options.model import ModelOptions
from trainer.options.threshold import parse_threshold
from trainer.options.training import MachineOptions, OptimizationOptions, TrainingOptions

Images = Literal["on", "off"]

_ON_HEADS = (
    "Expected only recipe=, copies=, tta=, class_weight=, task= and weight decays for a head on a "
    "frozen backbone, or train=all, train=staged or recipe=good."
)
_ON_IMAGES = (
    "Expected copies=, recipe=quick and recipe=frozen only for a head on a frozen backbone."
)


@dataclass(frozen=True)
class FitOptions(
    MachineOptions, OptimizationOptions, TrainingOptions, ModelOptions, DataOptions, ABC
):
    """The options of one fit."""

    threshold: str = "auto"
    """Decision threshold: a number above 0 and below 1, for the calibrated probability, or a rule:
    `youden`, `sensitivity:0.95`, `specificity:0.90`, or `cost:5`, the cost of a false negative if
    that of a false positive is 1. Rules are learnt on held-out train views. `auto` is `youden` on
    1,000 studies or more, if its confidence interval excludes 0.5, else 0.5."""
    images: Images = "on"
    """`on` shows radiographs and heat maps in the report; `off` makes the report safe to share."""

    def __post_init__(self) -> None:
        DataOptions.__post_init__(self)
        ModelOptions.__post_init__(self)
        TrainingOptions.__post_init__(self)
        OptimizationOptions.__post_init__(self)
        MachineOptions.__post_init__(self)
        parse_threshold(self.threshold)
        store = as_store(self.lake)
        if self.reader == "stream" and not (store.is_local or store.is_s3):
            raise UsageError(
                "Expected reader=stream only for a lake in a local folder or in S3. "
                f"Received: reader={self.reader} lake={self.lake}"
            )
        if self.task == "part_abnormal" and self.part != "all":
            raise UsageError(
                "Expected part=all with task=part_abnormal. "
                f"Received: task={self.task} part={self.part}"
            )

    @property
    def reads_shards_in_order(self) -> bool:
        """Whether train views are streamed shard by shard instead of read by offset."""
        if self.reader != "auto":
            return self.reader == "stream"
        return as_store(self.lake).is_s3 and not self.cache

    def learning_rate_of(self, model_name: str) -> float:
        """Return the largest learning rate for training the whole model."""
        entry = MODELS[model_name]
        initial = entry.pretrained_for(self.initial_weights) or entry
        return self.learning_rate or initial.learning_rate

    def check_models(self, key: str, names: Sequence[str]) -> None:
        """Check models as `ModelOptions` does, and reject options without effect on them."""
        super().check_models(key, names)
        is_head = [self.trained_part(name) == "head" for name in names]
        if any(is_head):
            # without effect on a head
            options = [field.name for field in fields(OptimizationOptions)]
            self._refuse(("augment", "learning_rate", "dropout", *options), _ON_HEADS, key, names)
        if all(is_head):
            # another model of the same comparison may need them
            self._refuse(("epochs", "patience", "batch_size"), _ON_HEADS, key, names)
        if all(self.trained_part(name) == "all" for name in names):
            self._refuse(("copies",), _ON_IMAGES, key, names)
        if not any(is_head) and self.used_recipe.train == "head":
            self._refuse(("recipe",), _ON_IMAGES, key, names)

    def _refuse(
        self, options: Sequence[str], expected: str, key: str, names: Sequence[str]
    ) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for name in options:
            if (value := getattr(self, name)) != defaults[name]:
                raise UsageError(f"{expected} Received: {name}={value} {key}={','.join(names)}")


def check_weight_decays(key: str, values: Sequence[float]) -> None:
    """Raise UsageError for a weight decay that is not above 0, or not finite."""
    for value in values:
        if not 0 < value < math.inf:
            raise UsageError(f"Expected a weight decay above 0. Received: {key}={value:g}")
