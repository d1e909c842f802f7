"""A process that has imported TensorFlow, and forks a child for each command.

The import takes 5 s of a core, and a run of the small models of tests takes 2 s. A child has the
arguments, folder, environment, streams and status of a command that a user starts.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True)
class WarmProcess:
    """The client of such a process. It runs one command at a time."""

    process: "subprocess.Popen[str]"

    @classmethod
    def start(cls) -> "WarmProcess":
        command = [sys.executable, "-m", "tests.warm_process"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return cls(subprocess.Popen(command, cwd=PROJECT, start_new_session=True, **pipes))

    def run(
        self, command: list[str], folder: Path, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; kill it and this process after `timeout_s`."""
        requests, statuses = self.process.stdin, self.process.stdout
        assert requests
        assert statuses
        with tempfile.TemporaryDirectory() as streams:
            paths = [Path(streams) / name for name in ("stdout", "stderr")]
            request = (command, str(folder), dict(os.environ), [str(path) for path in paths])
            print(json.dumps(request), file=requests, flush=True)
            if not select.select([statuses], [], [], timeout_s)[0]:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.stop()
                raise subprocess.TimeoutExpired(command, timeout_s)
            status = int(statuses.readline())
            return subprocess.CompletedProcess(
                command, status, *(path.read_text() for path in paths)
            )

    def stop(self) -> None:
        self.process.communicate()


def main() -> None:
    """Fork a child for each line of standard input; print its status."""
    _import()
    for line in sys.stdin:
        command, folder, environment, streams = json.loads(line)
        if not (child := os.fork()):
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            for number, path in enumerate((os.devnull, *streams)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
            _become(command)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _import() -> None:
    """Import packages that take long. Not polars: its threads do not survive a fork."""
    from trainer.keras_import import import_keras

    import_keras()
    import cv2
    import matplotlib.figure
    import rich.console
    import sklearn.linear_model
    import tyro

    del cv2, matplotlib, rich, sklearn, tyro


def _become(command: list[str]) -> NoReturn:
    sys.argv = command
    (script,) = entry_points(group="console_scripts", name=Path(command[0]).name)
    script.load()()
    sys.exit()


if __name__ == "__main__":
    main()
