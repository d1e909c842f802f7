"""Candidates of a comparison: models trained as a whole, or heads on a frozen backbone."""

from dataclasses import dataclass
from typing import Literal

HeadKind = Literal["linear", "hidden"]
TrainedPart = Literal["head", "all", "staged"]
"""The trained part of a model: a head on the frozen backbone, the whole model, or first the head
and then the whole model."""


@dataclass(frozen=True)
class Candidate:
    """A classifier to train and compare.

    Attributes:
        model: a key of `trainer.models.table.MODELS`.
        head: kind of head on a frozen backbone; None if the whole model is trained.
        weight_decay: weight decay of the head on standardized features, the inverse of the prior
            variance of a weight.
    """

    model: str
    head: HeadKind | None = None
    weight_decay: float | None = None

    @property
    def name(self) -> str:
        """The name in tables, e.g. `efficientnet_lite0 linear 1000`."""
        return f"{self.model} {self.head} {self.weight_decay:g}" if self.head else self.model
