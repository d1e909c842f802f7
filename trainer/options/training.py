"""Options of training: epochs, batches, learning rate, augmentation and class weights."""

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
    """Maximum number of epochs on images, 1 or more; early stopping may end sooner."""
    patience: int = 10
    """Training stops after this number of epochs without a better one, 1 or more, and restores the
    best weights; keep= says which epoch is better."""
    batch_size: int = 32
    """Number of views in a batch of images, 1 or more."""
    learning_rate: float | None = None
    """Largest learning rate for the whole model, above 0; by default 0.001 from random weights and
    0.0001 from pretrained weights."""
    augment: Augment = "none"
    """Random augmentation of train views in each epoch on images: `light` rotates by up to 30
    degrees and mirrors; `strong` also flips, shears, zooms, shifts, erases rectangles, changes
    gamma, contrast and brightness, adds noise and inverts."""
    class_weight: ClassWeight = "none"
    """Weights of views in the loss: `label` balances normal and abnormal; `part_label` also
    balances body parts."""
    seed: int = 0
    """Seed of splits, shuffles, initial weights and dropout, 0 to 2147483647."""

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"Expected {name} to be 1 or more. Received: {name}={value}")
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise UsageError(
                f"Expected learning_rate above 0. Received: learning_rate={self.learning_rate:g}"
            )
        check_seed(self.seed)


def check_seed(seed: int) -> None:
    """Check the range of a seed.

    Raises:
        UsageError: the seed is out of range.
    """
    if not 0 <= seed < 2**31:
        raise UsageError(f"Expected seed to be 0 to 2147483647. Received: seed={seed}")
