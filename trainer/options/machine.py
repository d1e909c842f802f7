"""Options of the machine: reading of images, number format and devices."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError

Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]


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
        if self.devices < 1:
            raise UsageError(f"Expected devices to be 1 or more. Received: devices={self.devices}")
