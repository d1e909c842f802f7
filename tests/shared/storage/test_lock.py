"""The lock of a folder: one process at a time, and no longer than that process."""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import StoreError, WriteError
from shared.lake.layout import LOCK_FILE
from shared.storage.local import Folder
from tests.commands import PROJECT

HOLD = """
import sys
from pathlib import Path
from shared.storage.local import Folder

with Folder(Path(sys.argv[1])).lock(".lock"):
    print("held", flush=True)
    sys.stdin.read()
"""

MEANWHILE = """
import fcntl, os, sys
from pathlib import Path
from shared.errors import StoreError
from shared.storage.local import Folder

root, event, pending = Path(sys.argv[1]), sys.argv[2], [sys.argv[3]]
path = root / ".lock"

def do(happens, _):
    # once, right before this process makes that call
    if happens != event or not pending:
        return
    action = pending.pop()
    if action == "release":
        path.unlink()
    if action == "release and take":
        path.unlink()
        os.write(other := os.open(path, os.O_CREAT | os.O_WRONLY),
                 b'{"process": 7, "host": "elsewhere", "since": "noon"}')
        fcntl.flock(other, fcntl.LOCK_EX)
    if action == "try":
        try:
            fcntl.flock(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("still held")

sys.addaudithook(do)
try:
    with Folder(root).lock(".lock"):
        print(f"holds {path.read_text()}")
except StoreError as error:
    print(error)
assert not pending
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def _run(code: str, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _hold_elsewhere(root: Path) -> "subprocess.Popen[str]":
    """Start a process that holds the lake until its input ends."""
    holder = _run(HOLD, root)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


def _holder(root: Path) -> int:
    return json.loads((root / LOCK_FILE).read_text())["process"]


def test_a_second_process_is_told_who_holds_the_lake(root: Path) -> None:
    with _hold_elsewhere(root) as holder:
        expected = re.escape(f"{root}, which process {holder.pid} on {socket.gethostname()} ")
        with pytest.raises(StoreError, match=expected), Folder(root).lock(LOCK_FILE):
            pass
        # who is refused takes nothing away
        assert _holder(root) == holder.pid
        holder.communicate()
    assert not (root / LOCK_FILE).exists()
    with Folder(root).lock(LOCK_FILE):
        assert _holder(root) == os.getpid()


def test_the_lock_of_a_dead_process_is_taken_over(root: Path) -> None:
    with _hold_elsewhere(root) as holder:
        holder.send_signal(signal.SIGKILL)
    assert _holder(root) == holder.pid
    with Folder(root).lock(LOCK_FILE):
        assert _holder(root) == os.getpid()
    assert not (root / LOCK_FILE).exists()


@pytest.mark.parametrize("left", [b"", b'{"process": 1', b"\xff" * 10_000])
def test_a_torn_file_is_taken_over(root: Path, left: bytes) -> None:
    root.mkdir()
    (root / LOCK_FILE).write_bytes(left)
    with Folder(root).lock(LOCK_FILE):
        assert _holder(root) == os.getpid()


def test_a_holder_that_has_not_said_its_name_is_another_process(root: Path) -> None:
    root.mkdir()
    with (root / LOCK_FILE).open("wb") as unnamed:
        fcntl.flock(unnamed, fcntl.LOCK_EX)
        with (
            pytest.raises(StoreError, match=f"{root}, which another process is writing"),
            Folder(root).lock(LOCK_FILE),
        ):
            pass


def test_an_error_in_the_block_releases_the_lake(root: Path) -> None:
    with pytest.raises(ZeroDivisionError), Folder(root).lock(LOCK_FILE):
        raise ZeroDivisionError
    assert list(root.iterdir()) == []


def test_a_place_that_cannot_be_a_folder_is_a_write_error(root: Path) -> None:
    root.touch()
    with (
        pytest.raises(WriteError, match=f"Expected to write {root}"),
        Folder(root).lock(LOCK_FILE),
    ):
        pass


@pytest.mark.parametrize(
    ("call", "what", "said"),
    [
        ("fcntl.flock", "release", 'holds {"process": '),
        ("fcntl.flock", "release and take", "process 7 on elsewhere since noon is writing"),
        ("os.remove", "try", "still held"),
    ],
)
def test_another_process_at_the_worst_moment_changes_nothing(
    root: Path, call: str, what: str, said: str
) -> None:
    with _run(MEANWHILE, root, call, what) as taker:
        output, _ = taker.communicate(timeout=60)
    assert taker.returncode == 0
    assert said in output
    if what == "release and take":
        assert "holds" not in output
    else:
        assert list(root.iterdir()) == []
