"""A description of the machine, and the limit of TensorFlow's threads."""

import os
import platform
from pathlib import Path
from typing import Any

from trainer.keras_import import import_keras

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


def describe_hardware() -> dict[str, Any]:
    """Return processor, cores, memory and the GPUs that TensorFlow sees.

    Returns:
        `processor`; `num_cores` of the machine; `num_usable_cores` of this process; `memory_gb` of
        the machine, or None if the system does not report it; `gpus`, a list of names; `system`.
    """
    return {
        "processor": _processor(),
        "num_cores": os.cpu_count(),
        "num_usable_cores": count_usable_cores(),
        "memory_gb": _measure_memory_gb(),
        "gpus": _list_gpus(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def count_usable_cores() -> int | None:
    """Return the number of cores that this process may use, or None if it is unknown."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Python has CPU affinity on Linux only
        return os.cpu_count()


def limit_threads(num_threads: int) -> None:
    """Set the number of threads of TensorFlow and LiteRT.

    The last digits of TensorFlow's sums depend on it. TensorFlow reads this setting only when it
    starts.
    """
    for name in _THREADS:
        os.environ[name] = str(num_threads)


def count_threads() -> int:
    """Return the number of threads for LiteRT: that of `limit_threads`, or of the usable cores."""
    return int(os.environ.get(_THREADS[0], 0)) or count_usable_cores() or 1


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU.

    TensorFlow takes seconds to import, so it is asked only if there is a driver of NVIDIA, on Linux
    or in WSL 2.
    """
    return any(path.exists() for path in _GPU_DRIVERS) and bool(_list_gpus())


def _measure_memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _list_gpus() -> list[str]:
    import_keras()

    import tensorflow  # pyright: ignore[reportMissingTypeStubs]  # it has none

    tf: Any = tensorflow
    devices: list[Any] = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    return [str(detail.get("device_name", "unknown")) for detail in details]
