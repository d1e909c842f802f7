"""Machine options: how images are read and on which devices a model is trained."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import UsageError

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class MachineOptions:
    """The machine that trains."""

    reader: Literal["auto", "offset", "stream"] = "auto"
    """`offset` reads views in any order; `stream` reads whole shards through TFRecordDataset;
    `auto` streams from s3:// without cache=, and reads by offset otherwise."""
    precision: Precision = "float32"
    """The number format of the layers; weights and probabilities are float32 in any case."""
    xla: Literal["off", "on"] = "off"
    """Compile training steps with XLA."""
    devices: int = 1
    """GPUs of this host that share each batch; logical CPU devices where there is no GPU."""

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise UsageError(f"Expected devices to be 1 or more. Received: devices={self.devices}")
