"""The installed commands: as processes of their own, forked from a warm one, or within this one."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests import warm_process
from tests.warm_process import ADDRESS, PROJECT

SCRIPTS = Path(sys.executable).parent
TENSORFLOW = {"mura-train", "mura-cv", "mura-tune", "mura-export"}
"""Commands that always start TensorFlow."""

_SERVERS: list["subprocess.Popen[bytes]"] = []

Completed = subprocess.CompletedProcess[str]


def run(
    script: str,
    *words: object,
    timeout_s: float = 200,
    environment: Mapping[str, str] | None = None,
    folder: Path = PROJECT,
    is_warm: bool | None = None,
) -> Completed:
    """Run an installed command, e.g. `mura-ingest`, and return its status and what it printed.

    Args:
        is_warm: whether TensorFlow is imported beforehand; by default it is for the commands that
            always start it in this environment.
    """
    command = [str(SCRIPTS / script), *map(str, words)]
    if is_warm or (is_warm is None and script in TENSORFLOW and environment is None):
        command = warm(command)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s
    )


def warm(command: Sequence[object]) -> list[str]:
    """Return what carries out a command, or Python code, in a process with TensorFlow imported."""
    address = os.environ[ADDRESS]
    with FileLock(f"{address}.lock"):
        if not Path(address).exists():
            # the process that started the workers of the tests, or this one
            owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
            server = subprocess.Popen(
                [sys.executable, "-m", "tests.warm_process", "serve", str(owner)],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            assert server.stdout
            assert server.stdout.readline() == b"ready\n"
            _SERVERS.append(server)
    return [sys.executable, "-I", "-S", warm_process.__file__, "ask", *map(str, command)]


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
