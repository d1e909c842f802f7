"""Options shared by the commands that train a model."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from shared.storage.store import as_store
from trainer.models.table import MODELS
from trainer.options.checks import usage_error
from trainer.options.data import DataOptions
from trainer.options.model import ModelOptions
from trainer.options.threshold import parse_threshold
from trainer.options.training import MachineOptions, OptimizationOptions, TrainingOptions

Images = Literal["on", "off"]

_ON_HEADS = (
    "only recipe=, copies=, tta=, class_weight=, task= and weight decays for a head on a "
    "frozen backbone, or train=all, train=staged or recipe=good"
)
_ON_IMAGES = "copies=, recipe=quick and recipe=frozen only for a head on a frozen backbone"


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
            expected = "reader=stream only for a lake in a local folder or in S3"
            raise usage_error(self, expected, "reader", "lake")
        if self.task == "part_abnormal" and self.part != "all":
            raise usage_error(self, "part=all with task=part_abnormal", "task", "part")

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

    def check_models(self, key: str) -> None:
        """Check models as `ModelOptions` does, and reject options without effect on them."""
        super().check_models(key)
        parts = {self.trained_part(name) for name in self.model_names}
        if "head" in parts:
            # without effect on a head
            options = [field.name for field in fields(OptimizationOptions)]
            self._refuse(("augment", "learning_rate", "dropout", *options), _ON_HEADS, key)
        if parts == {"head"}:
            # another model of the same comparison may need them
            self._refuse(("epochs", "patience", "batch_size"), _ON_HEADS, key)
        if parts == {"all"}:
            self._refuse(("copies",), _ON_IMAGES, key)
        if "head" not in parts and self.used_recipe.train == "head":
            self._refuse(("recipe",), _ON_IMAGES, key)

    def _refuse(self, options: Sequence[str], expected: str, key: str) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for name in options:
            if getattr(self, name) != defaults[name]:
                raise usage_error(self, expected, name, key)
