"""Options of the optimization of a network on images."""

import math
from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError

Optimizer = Literal["adam", "adamw"]
Schedule = Literal["constant", "cosine", "plateau"]
KeptEpoch = Literal["loss", "study_auroc"]


@dataclass(frozen=True)
class OptimizationOptions:
    """The optimizer, the course of its learning rate, and the epoch to keep."""

    optimizer: Optimizer = "adam"
    """Optimizer on images: `adam`, or `adamw` with a decoupled weight decay of 0.01."""
    schedule: Schedule = "constant"
    """Learning rate over time: `constant`; `cosine`, down to 0 in the last step; `plateau`, a tenth
    after each epoch without a lower validation loss."""
    warmup: float = 0.0
    """Fraction of all steps in which the learning rate rises from 0, at least 0 and below 1; not
    with schedule=plateau."""
    ema: float = 0.0
    """Momentum of the exponential moving average of the weights, which is validated and saved in
    place of the weights; at least 0 and below 1; 0 for no average."""
    clip_norm: float = 0.0
    """Largest norm of the gradient of all weights together, 0 or more; 0 for no limit."""
    label_smoothing: float = 0.0
    """Share of the target that is divided equally among the classes, at least 0 and below 1."""
    layer_decay: float = 1.0
    """Factor of the learning rate from one tenth of a backbone's layers to the tenth before it,
    above 0 and at most 1; the head keeps the full rate."""
    norm: Literal["frozen", "trainable"] = "frozen"
    """Batch normalization of a pretrained backbone in training on images: `frozen` keeps its
    statistics and weights, `trainable` learns both. From random weights it is always trained."""
    keep: KeptEpoch = "loss"
    """Epoch whose weights are saved: the lowest validation `loss`, or the highest validation
    `study_auroc`."""

    def __post_init__(self) -> None:
        for name in ("warmup", "ema", "label_smoothing"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise UsageError(
                    f"Expected {name} to be at least 0 and below 1. Received: {name}={value:g}"
                )
        if not 0 <= self.clip_norm < math.inf:
            raise UsageError(
                f"Expected clip_norm to be 0 or more. Received: clip_norm={self.clip_norm:g}"
            )
        if not 0 < self.layer_decay <= 1:
            raise UsageError(
                "Expected layer_decay above 0 and at most 1. "
                f"Received: layer_decay={self.layer_decay:g}"
            )
        if self.warmup and self.schedule == "plateau":
            raise UsageError(
                "Expected warmup only with schedule=constant or schedule=cosine. "
                f"Received: warmup={self.warmup:g} schedule={self.schedule}"
            )
