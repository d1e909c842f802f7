"""The installed commands: as processes of their own, or within this one."""

import io
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from tests.warm_process import PROJECT, WarmProcess

SCRIPTS = Path(sys.executable).parent
TENSORFLOW = {"mura-train", "mura-cv", "mura-tune", "mura-export"}
"""Commands that start TensorFlow."""

Completed = subprocess.CompletedProcess[str]


def run(
    script: str,
    *words: object,
    timeout_s: float = 200,
    environment: Mapping[str, str] | None = None,
    folder: Path = PROJECT,
) -> Completed:
    """Run an installed command, e.g. `mura-ingest`, and return its status and what it printed.

    Commands that start TensorFlow in this environment are forked from a process that has.
    """
    command = [str(SCRIPTS / script), *map(str, words)]
    if script in TENSORFLOW and environment is None:
        try:
            return warm_process().run(command, folder, timeout_s)
        except subprocess.TimeoutExpired:
            warm_process.cache_clear()
            raise
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s
    )


@cache
def warm_process() -> WarmProcess:
    return WarmProcess.start()


def call(script: str, *words: object) -> Completed:
    """Run an installed command within this process, without a second of imports."""
    if "tensorflow_io" in sys.modules:
        # a command would end this process, which aborts at exit
        return run(script, *words)
    (entry,) = entry_points(group="console_scripts", name=script)
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    command = [script, *map(str, words)]
    with _arguments(command), redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            entry.load()()
        except SystemExit as end:
            status: Any = end.code
        else:
            raise AssertionError("Expected a command to exit")
    texts = (stream.buffer.getvalue().decode() for stream in streams)  # pyright: ignore[reportAttributeAccessIssue]  # a BytesIO
    return subprocess.CompletedProcess(command, status, *texts)


@contextmanager
def _arguments(command: list[str]) -> Generator[None, None, None]:
    """Set the arguments of this process, and let no handler of a signal outlive the block."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before, handlers = sys.argv, [signal.getsignal(number) for number in numbers]
    sys.argv = command
    try:
        yield
    finally:
        sys.argv = before
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
