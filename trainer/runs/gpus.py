"""The GPUs that TensorFlow uses, the precision that suits them, and remedies without any."""

import ctypes
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from shared.console import say
from trainer.keras_import import import_keras
from trainer.options import FitOptions
from trainer.options.training import Precision
from trainer.runs.hardware import count_threads

# Compute capability from which NVIDIA GPUs multiply in bfloat16: Ampere.
_BFLOAT16_CAPABILITY = (8, 0)
_DRIVER = Path("/proc/driver/nvidia/version")
_PAGE = "docs/gpu.md"


class Gpu(NamedTuple):
    """A GPU that TensorFlow uses; `capability` is its compute capability, major and minor."""

    name: str
    capability: tuple[int, int]
    # None if the driver does not tell
    memory_bytes: int | None

    def __str__(self) -> str:
        memory = f" ({self.memory_bytes / 1e9:.0f} GB)" if self.memory_bytes else ""
        return f"{self.name}{memory}"


def find_gpus() -> list[Gpu]:
    """Return the GPUs that TensorFlow uses."""
    # the import of TensorFlow takes seconds
    if not has_driver() or sys.platform != "linux":
        return []
    import_keras()
    import tensorflow  # pyright: ignore[reportMissingTypeStubs]  # it has none

    tf: Any = tensorflow
    gpus: list[Gpu] = []
    for index, device in enumerate(tf.config.list_physical_devices("GPU")):
        details = tf.config.experimental.get_device_details(device)
        name, capability = details.get("device_name", "GPU"), details.get("compute_capability")
        gpus.append(Gpu(name, capability or (0, 0), _measure_memory_bytes(index)))
    return gpus


def has_gpu() -> bool:
    """Return whether TensorFlow uses a GPU."""
    return bool(find_gpus())


def resolve_precision(options: FitOptions) -> Precision:
    """Return the precision of a fit on this machine: `auto` is replaced by the number format."""
    if options.precision != "auto":
        return options.precision
    used = find_gpus()[: options.devices]
    has_bfloat16 = bool(used) and all(gpu.capability >= _BFLOAT16_CAPABILITY for gpu in used)
    return "mixed_bfloat16" if has_bfloat16 else "float32"


def describe_devices(num_devices: int = 1) -> str:
    """Name the GPUs that train, or the CPU cores and why no GPU does."""
    if gpus := find_gpus():
        return " and ".join(map(str, gpus[:num_devices]))
    cores = count_threads()
    return f"{cores} CPU core{'s' if cores > 1 else ''}; {_explain_absence()}"


def _explain_absence() -> str:
    if not has_driver():
        return "no GPU found"
    if sys.platform != "linux":
        return f"TensorFlow uses NVIDIA GPUs on Linux and in WSL2 only ({_PAGE})"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides the GPUs"
    if find_spec("nvidia") is None:
        return "there is an NVIDIA driver, but no CUDA libraries: `just gpu` installs them"
    return f"there is an NVIDIA driver, but TensorFlow finds no GPU: {_PAGE} lists the remedies"


def has_driver() -> bool:
    """Return whether there is an NVIDIA driver."""
    # WSL2 has only its tools, not the file
    return _DRIVER.exists() or shutil.which("nvidia-smi") is not None


def _measure_memory_bytes(index: int) -> int | None:
    # from the CUDA Driver API, in TensorFlow's order of GPUs, because TensorFlow tells only the
    # part that it would reserve; https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__DEVICE.html
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device, num_bytes = ctypes.c_int(), ctypes.c_size_t()
    # 0 is success
    failed = (
        cuda.cuInit(0)
        or cuda.cuDeviceGet(ctypes.byref(device), index)
        or cuda.cuDeviceTotalMem_v2(ctypes.byref(num_bytes), device)
    )
    return None if failed else num_bytes.value


if __name__ == "__main__":
    say(f"training uses {describe_devices()}")
