"""Candidates: what a cross-validation compares: models, and heads on those that are frozen."""

from dataclasses import dataclass
from typing import Literal

HeadKind = Literal["linear", "hidden"]
Way = Literal["head", "all", "staged"]
"""What of a model is trained: a head on its frozen backbone, all of it, or one after the other."""


@dataclass(frozen=True)
class Candidate:
    """One way to make a classifier.

    Attributes:
        model: a key of `trainer.models.MODELS`.
        head: of a model whose head alone is trained; None where all of it is.
        decay: of that head: the inverse of the variance that its weights are expected to have, each
            of a standardized feature.
    """

    model: str
    head: HeadKind | None = None
    decay: float | None = None

    @property
    def name(self) -> str:
        """What tables call it, e.g. `efficientnet_lite0 linear 1000`."""
        return f"{self.model} {self.head} {self.decay:g}" if self.head else self.model
