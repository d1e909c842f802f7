"""The memory of a command and of all the processes that it starts."""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence

import psutil

_INTERVAL_S = 0.05


def peak_bytes(command: Sequence[object], environment: Mapping[str, str] | None = None) -> int:
    """Run a command to its end and return the peak of the sum over its processes.

    Counted are proportional set sizes, where pages that processes share count once
    (`/proc/PID/smaps_rollup`, https://docs.kernel.org/filesystems/proc.html), and resident set
    sizes on systems without.
    """
    with tempfile.TemporaryFile("w+") as said:
        words = list(map(str, command))
        process = psutil.Popen(words, stdout=said, stderr=subprocess.STDOUT, env=environment)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _tree_bytes(process))
            time.sleep(_INTERVAL_S)
        said.seek(0)
        assert process.returncode == 0, said.read()
    return peak


def _tree_bytes(process: psutil.Process) -> int:
    try:
        return sum(map(_own_bytes, (process, *process.children(recursive=True))))
    except psutil.NoSuchProcess:
        return 0


def _own_bytes(process: psutil.Process) -> int:
    try:
        used = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return getattr(used, "pss", 0) or used.rss
