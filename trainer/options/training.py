"""Options of training: epochs, augmentation, optimization of a network, use of the machine."""

import math
from dataclasses import dataclass
from typing import Literal

from trainer.options.checks import check_minimum, check_range, check_seed, usage_error

Augment = Literal["none", "light", "strong"]
ClassWeight = Literal["none", "label", "part_label"]
Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]

_SHARES = ("warmup", "ema", "label_smoothing")


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
        check_minimum(self, 1, "epochs", "patience", "batch_size")
        check_range(self, "above 0", lambda rate: 0 < rate < math.inf, "learning_rate")
        check_seed(self)


@dataclass(frozen=True)
class OptimizationOptions:
    """The optimizer, the course of its learning rate, and the epoch to keep."""

    optimizer: Literal["adam", "adamw"] = "adam"
    """Optimizer on images: `adam`, or `adamw` with a decoupled weight decay of 0.01."""
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    """Learning rate over time: `constant`; `cosine`, down to 0 in the last step; `plateau`, a tenth
    after each epoch without a lower validation loss."""
    warmup: float = 0.0
    """Fraction of all steps in which the learning rate rises from 0, at least 0 and below 1; not
    with schedule=plateau."""
    ema: float = 0.0
    """Momentum of the exponential moving average of the weights, over at most half an epoch, which
    is validated and saved in place of the weights; at least 0 and below 1; 0 for no average."""
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
    keep: Literal["loss", "study_auroc"] = "loss"
    """Epoch whose weights are saved: the lowest validation `loss`, or the highest validation
    `study_auroc`."""

    def __post_init__(self) -> None:
        check_range(self, "at least 0 and below 1", lambda value: 0 <= value < 1, *_SHARES)
        check_range(self, "0 or more", lambda norm: 0 <= norm < math.inf, "clip_norm")
        check_range(self, "above 0 and at most 1", lambda decay: 0 < decay <= 1, "layer_decay")
        if self.warmup and self.schedule == "plateau":
            expected = "warmup only with schedule=constant or schedule=cosine"
            raise usage_error(self, expected, "warmup", "schedule")


@dataclass(frozen=True)
class MachineOptions:
    """The use of the machine."""

    reader: Literal["auto", "offset", "stream"] = "auto"
    """`offset` reads views in random order; `stream` reads whole shards through TFRecordDataset;
    `auto` streams from s3:// without cache=, and reads by offset otherwise."""
    precision: Precision = "auto"
    """Number format of the layers in training; weights and predictions are always float32. `auto`
    is mixed_bfloat16 on GPUs that have it, from compute capability 8.0, and float32 otherwise."""
    deterministic: Literal["on", "off"] = "on"
    """`on` gives the same bits in every run of the same seed; `off` is faster on a GPU."""
    xla: Literal["off", "on"] = "off"
    """`on` compiles training steps with XLA."""
    devices: int = 1
    """Number of GPUs of this host that share each batch, 1 or more; without a GPU, logical CPU
    devices."""

    def __post_init__(self) -> None:
        check_minimum(self, 1, "devices")
