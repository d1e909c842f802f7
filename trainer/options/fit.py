"""Options shared by the commands that train a model."""

import math
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError
from shared.storage.store import as_store
from trainer.models.table import MODELS
from trainer.options.data import DataOptions
from trainer.options.machine import MachineOptions
from trainer.options.model import ModelOptions
from trainer.options.training import TrainingOptions

Images = Literal["on", "off"]


@dataclass(frozen=True)
class FitOptions(MachineOptions, TrainingOptions, ModelOptions, DataOptions, ABC):
    """The options of one fit."""

    images: Images = "on"
    """`on` shows radiographs and heat maps in the report; `off` makes the report safe to share."""

    def __post_init__(self) -> None:
        for group in (DataOptions, ModelOptions, TrainingOptions, MachineOptions):
            group.__post_init__(self)
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
        """Return Adam's learning rate for training the whole model."""
        entry = MODELS[model_name]
        return self.learning_rate or (entry.pretrained_for(self.weights) or entry).learning_rate

    def check_models(self, key: str, names: Sequence[str]) -> None:
        """Check models as `ModelOptions` does, and reject options without effect on a head.

        Raises:
            UsageError: as `ModelOptions.check_models`, or augmentation, learning rate or dropout is
                set although only the head is trained.
        """
        super().check_models(key, names)
        for name in names:
            if self.trained_part(name) != "head":
                continue
            if self.augment != "none":
                raise UsageError(
                    "Expected augment=none or train=all, because the features of a frozen backbone "
                    f"are computed once. Received: augment={self.augment} {key}={name}"
                )
            for unused in ("learning_rate", "dropout"):
                if (value := getattr(self, unused)) is not None:
                    raise UsageError(
                        f"Expected no {unused}, or train=all; a head on a frozen backbone is "
                        "regularized by weight_decay. "
                        f"Received: {unused}={value:g} {key}={name}"
                    )


def check_weight_decays(key: str, values: Sequence[float]) -> None:
    """Check the weight decays of an option.

    Raises:
        UsageError: a weight decay is not above 0, or not finite.
    """
    for value in values:
        if not 0 < value < math.inf:
            raise UsageError(f"Expected a weight decay above 0. Received: {key}={value:g}")
