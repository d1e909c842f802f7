"""Candidates: what a cross-validation compares: models, and heads on those that are frozen."""

from dataclasses import dataclass
from typing import Literal

HeadKind = Literal["linear", "hidden"]
TrainedPart = Literal["head", "all", "staged"]
"""What of a model is trained: a head on its frozen backbone, all of it, or one after the other."""


@dataclass(frozen=True)
class Candidate:
    """One way to make a classifier.

    Attributes:
        model: a key of `trainer.models.MODELS`.
        head: of a model whose head alone is trained; None where all of it is.
        weight_decay: of that head, on standardized features: the inverse of the prior variance of
            a weight.
    """

    model: str
    head: HeadKind | None = None
    weight_decay: float | None = None

    @property
    def name(self) -> str:
        """What tables call it, e.g. `efficientnet_lite0 linear 1000`."""
        return f"{self.model} {self.head} {self.weight_decay:g}" if self.head else self.model
