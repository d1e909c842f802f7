"""A description of the machine, and the limit of TensorFlow's threads."""

import os
import platform
from pathlib import Path
from typing import Any


def describe_hardware() -> dict[str, Any]:
    """Return processor, cores and memory.

    Returns:
        `processor`; `num_cores` of the machine; `num_usable_cores` of this process; `memory_gb` of
        the machine, or None if the system does not report it; `system`.
    """
    return {
        "processor": _processor(),
        "num_cores": os.cpu_count(),
        "num_usable_cores": count_usable_cores(),
        "memory_gb": _measure_memory_gb(),
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
    """Set the number of TensorFlow's threads; the last digits of its sums depend on it.

    TensorFlow reads this setting only when it starts.
    """
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(num_threads)


def _measure_memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
