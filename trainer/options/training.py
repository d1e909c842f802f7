"""Training options: epochs, batches, learning rate, augmentation and class weights."""

import math
from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError

Augment = Literal["none", "light", "strong"]
ClassWeight = Literal["none", "label", "part_label"]


@dataclass(frozen=True)
class TrainingOptions:
    """The training of one model."""

    epochs: int = 30
    """The maximum number of epochs; early stopping on the validation loss may end sooner."""
    patience: int = 10
    """Epochs without a lower validation loss before early stopping; the best weights are kept."""
    batch_size: int = 32
    """Views in a batch."""
    learning_rate: float | None = None
    """The learning rate of Adam, where the whole model is trained; by default that of the model."""
    augment: Augment = "none"
    """Augmentation of train views, new in every epoch: `light` rotates by up to 30 degrees and
    mirrors; `strong` also shifts, zooms, changes contrast, adds noise and erases rectangles."""
    class_weight: ClassWeight = "none"
    """Weights in the loss: `label` balances normal and abnormal, `part_label` also body parts."""
    seed: int = 0
    """The seed of splits, shuffles, initial weights and dropout, 0 to 2147483647."""

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise UsageError(
                f"Expected a learning rate above 0. Received: learning_rate={self.learning_rate:g}"
            )
        check_seed(self.seed)


def check_seed(seed: int) -> None:
    """Check a seed.

    Raises:
        UsageError: it is out of range.
    """
    if not 0 <= seed < 2**31:
        raise UsageError(f"Expected a seed of 0 to 2147483647. Received: seed={seed}")
