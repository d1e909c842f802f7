"""Candidates of a comparison: models trained as a whole, or heads on a frozen backbone."""

from dataclasses import dataclass
from typing import Literal

TrainedPart = Literal["head", "all", "staged"]
"""The trained part of a model: a head on the frozen backbone, the whole model, or first the head
and then the whole model."""


def list_networks(model_name: str) -> list[str]:
    """Return the networks of a model, keys of `trainer.models.table.MODELS`: `a+b` has two."""
    return model_name.split("+")


@dataclass(frozen=True)
class Candidate:
    """A classifier to train and compare.

    Attributes:
        model: a key of `trainer.models.table.MODELS`, or several, joined by `+`.
        weight_decay: weight decay d of a head on a frozen backbone: the fit minimizes the sum of
            the losses plus d / 2 times the sum of the squared weights of standardized features.
            None if the whole model is trained.
    """

    model: str
    weight_decay: float | None = None

    @property
    def name(self) -> str:
        """The name in tables, e.g. `efficientnet_lite0 decay 200`."""
        is_head = self.weight_decay is not None
        return f"{self.model} decay {self.weight_decay:g}" if is_head else self.model
