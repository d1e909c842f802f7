"""Candidates of a comparison: models trained as a whole, or heads on a frozen backbone."""

from dataclasses import dataclass
from typing import Literal

# `staged`: first the head on the frozen backbone, then the whole model
TrainedPart = Literal["head", "all", "staged"]


def list_networks(model_name: str) -> list[str]:
    """Return the networks of a model, keys of `trainer.models.table.MODELS`: `a+b` has two."""
    return model_name.split("+")


@dataclass(frozen=True)
class Candidate:
    """A classifier to train and compare: a whole model, or a head on its frozen backbone.

    `model` is one or more keys of `trainer.models.table.MODELS`, joined by `+`; `weight_decay` is
    that of `trainer.features.head_training.fit_heads`, None for a whole model.
    """

    model: str
    weight_decay: float | None = None

    @property
    def name(self) -> str:
        """The name in tables, e.g. `efficientnet_lite0 weight_decay 200`."""
        is_head = self.weight_decay is not None
        return f"{self.model} weight_decay {self.weight_decay:g}" if is_head else self.model
