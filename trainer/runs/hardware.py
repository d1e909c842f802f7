"""A description of the machine, and the limit of TensorFlow's threads."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def describe_hardware() -> dict[str, Any]:
    """Return processor, cores and memory, the `hardware` of a `config.json`."""
    return {
        "processor": _processor(),
        "num_cores": os.cpu_count(),
        "num_usable_cores": count_usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def count_usable_cores() -> int | None:
    """Return the number of cores that this process may use, or None if it is unknown."""
    # Python has CPU affinity on Linux only
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def limit_threads(num_threads: int) -> None:
    """Set the number of threads of TensorFlow, which must not have started yet, and of LiteRT.

    The last digits of TensorFlow's sums depend on it.
    """
    for name in _THREADS:
        os.environ[name] = str(num_threads)


def count_threads() -> int:
    """Return the number of threads for LiteRT: that of `limit_threads`, or of the usable cores."""
    return int(os.environ.get(_THREADS[0], 0)) or count_usable_cores() or 1
