"""Stops: Ctrl-C and SIGTERM are answered from the start, also while TensorFlow works in C++."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import PROJECT, SCRIPTS

pytestmark = pytest.mark.slow

_TIMEOUT_S = 60
_SOON_S = 5
"""On a machine that does much else; 0.2 s where it does not."""

_STOPPED_IN_IMPORT = """
import os, signal, sys

class Stop:
    # what is imported is interrupted while it is imported
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.{stop})

sys.meta_path.insert(0, Stop())
sys.argv = ["verify", "lake=nowhere"]
from ingest.cli import verify
verify()
"""


@pytest.mark.parametrize(
    ("stop", "status", "said"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")]
)
@pytest.mark.parametrize(
    "module", ["shared.command_line", "shared.storage.store", "ingest.options"]
)
def test_a_stop_during_imports_is_one_line(module: str, stop: str, status: int, said: str) -> None:
    code = _STOPPED_IN_IMPORT.format(module=module, stop=stop)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (status, f"verify: {said}; nothing was changed\n")


def test_before_stops_are_answered_next_to_nothing_is_imported() -> None:
    code = (
        "import sys; before = set(sys.modules);"
        "import ingest.cli, trainer.cli; print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    ours = {"ingest", "ingest.cli", "shared", "shared.entry", "trainer", "trainer.cli"}
    assert set(result.stdout.split()) <= {*ours, "__future__"}


@pytest.mark.parametrize(
    ("stop", "status", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_stop_while_tensorflow_starts_is_answered_soon(
    trained_run: Path, phantom_tree: Path, stop: int, status: int, said: str
) -> None:
    words = (phantom_tree / "valid", f"run={trained_run}", "engine=keras")
    command = [SCRIPTS / "mura-predict", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stderr
        assert running.stderr.readline() == b"starting TensorFlow\n"
        # it is in the midst of its own imports
        time.sleep(0.5)
        running.send_signal(stop)
        sent_s = time.monotonic()
        out, err = running.communicate(timeout=_TIMEOUT_S)
        assert time.monotonic() - sent_s < _SOON_S
    line = f"predict: {said}; no predictions were printed; finished heat maps remain\n"
    assert (running.returncode, out, err.decode()) == (status, b"", line)


_IN_ONE_CALL = """
import ctypes, sys
import polars  # it takes SIGINT too
from shared.entry import run
from trainer.interruptible import interruptible

def command(words):
    print("begun", file=sys.stderr, flush=True)
    interruptible(lambda: ctypes.CDLL(None).sleep(60))

run(command, "embed", "nothing was kept")
"""


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_does_not_wait_for_c(stop: int, status: int) -> None:
    command = [sys.executable, "-c", _IN_ONE_CALL]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE) as running:
        assert running.stderr
        assert running.stderr.readline() == b"begun\n"
        running.send_signal(stop)
        sent_s = time.monotonic()
        _, err = running.communicate(timeout=_TIMEOUT_S)
        assert time.monotonic() - sent_s < _SOON_S
    assert running.returncode == status
    assert err.endswith(b"; nothing was kept\n")
    assert err.count(b"\n") == 1
