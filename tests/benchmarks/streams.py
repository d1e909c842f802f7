"""Streams: ways of streaming, each a process that answers rounds of epochs, timed in turn."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from types import TracebackType

import psutil

from tests.benchmarks.tables import Speed, seconds
from tests.commands import PROJECT

_ROUNDS = 3
_ROUND_S = 1.0


class Stream:
    """A way of streaming that has opened its data; a context manager ends its process."""

    def __init__(self, command: Sequence[str], source: Path, out: Path):
        out.mkdir()
        self._log = out / "log"
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, str(source), str(out)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        while self._answer() != "ready":
            pass

    def __enter__(self) -> "Stream":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # its workers end when it does
        workers = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.communicate()
        for worker in workers:
            if worker.is_running():
                worker.kill()

    def epochs(self, num_epochs: int) -> int:
        """Stream some epochs and return how many images they had."""
        assert self._process.stdin
        print(num_epochs, file=self._process.stdin, flush=True)
        return int(self._answer())

    def cpu_s(self) -> float:
        """Return the processors' time that the process and its workers have used."""
        process = psutil.Process(self._process.pid)
        used = [own.cpu_times() for own in (process, *process.children(recursive=True))]
        return sum(times.user + times.system for times in used)

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        return line.strip()


def stream_speeds(streams: Mapping[str, Stream], num_views: int) -> dict[str, Speed]:
    """Time all ways in turn, after an epoch that nobody counts, in rounds of about a second.

    The first epoch starts workers and brings the files into the page cache; a later one is what
    training waits for, whose iterator lives through all epochs.
    """
    num_epochs: dict[str, int] = {}
    for way, stream in streams.items():
        assert stream.epochs(1) == num_views
        num_epochs[way] = max(1, round(_ROUND_S / seconds(lambda stream=stream: stream.epochs(1))))
    taken_s: dict[str, list[float]] = {way: [] for way in streams}
    cpu_s: dict[str, list[float]] = {way: [] for way in streams}
    for _ in range(_ROUNDS):
        for way, stream in streams.items():
            before_s, n = stream.cpu_s(), num_epochs[way]
            taken_s[way].append(seconds(lambda stream=stream, n=n: stream.epochs(n)) / n)
            cpu_s[way].append((stream.cpu_s() - before_s) / n)
    return {
        way: Speed(
            num_views / min(taken),
            num_views / median(taken),
            min(cpu_s[way]) / num_views * 1e3,
        )
        for way, taken in taken_s.items()
    }
