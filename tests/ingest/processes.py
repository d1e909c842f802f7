"""An ingest as a process that a test can watch, signal and starve."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.commands import PROJECT, SCRIPTS, call
from tests.conftest import SIZE_PX

PROGRESS = ("scan: ", "decode: ", "lake: ")
Files = dict[str, tuple[int, int]]


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below `root`, hidden ones too; a folder ends in a slash."""
    return {
        path.relative_to(root).as_posix() + "/" * path.is_dir(): b""
        if path.is_dir()
        else path.read_bytes()
        for path in root.rglob("*")
    }


def file_contents(root: Path) -> dict[str, bytes]:
    """Return every file below `root`, without the folders."""
    return {path: data for path, data in contents(root).items() if not path.endswith("/")}


def shard_files(root: Path) -> Files:
    """Return number and time of change of each shard; both change when it is written again."""
    found: Files = {}
    for path in root.rglob("*.tfrecord"):
        status = path.stat()
        found[str(path)] = status.st_ino, status.st_mtime_ns
    return found


def ingest(tree: Path, lake: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Ingest within this process, with one worker if `words` do not say otherwise."""
    own = dict(word.split("=", 1) for word in ("workers=1", f"size={SIZE_PX}", *words))
    return call("mura-ingest", tree, f"lake={lake}", *map("=".join, own.items()))


def start(tree: Path, lake: Path | str, *words: str) -> "subprocess.Popen[str]":
    """Start an ingest in a process group of its own."""
    command = [SCRIPTS / "mura-ingest", tree, f"lake={lake}", f"size={SIZE_PX}", *words]
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run_through(prefix: Sequence[object], *command: object) -> "subprocess.CompletedProcess[str]":
    """Run an installed command behind a program that changes its surroundings."""
    script, *words = command
    return subprocess.run(
        [*map(str, prefix), str(SCRIPTS / str(script)), *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
    )


def with_file_limit(limit_bytes: int) -> list[str]:
    """Return the prefix that lets no file grow beyond a size."""
    code = (
        "import os, resource, sys;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}));"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", code]


def workers_of(parent_id: int) -> list[int]:
    """Return the process numbers of the workers of an ingest."""
    found: list[int] = []
    for children in Path(f"/proc/{parent_id}/task").glob("*/children"):
        try:
            for child in map(int, children.read_text().split()):
                if b"--multiprocessing-fork" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
        except OSError:
            # it has ended meanwhile
            continue
    return found


def is_alive(process_id: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return not stat.rpartition(")")[2].lstrip().startswith("Z")


def wait_until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    """Wait for what must come, looking often."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.004)


def one_line_of(said: str) -> str:
    """Return the one line that is no progress, which says what failed."""
    lines = [line for line in said.splitlines() if not line.startswith(PROGRESS)]
    assert len(lines) == 1, said
    assert lines[0].startswith("ingest: "), said
    return lines[0]


def has_loaded(process_id: int, library: str) -> bool:
    """Return whether a process has loaded a library."""
    try:
        return library in Path(f"/proc/{process_id}/maps").read_text()
    except OSError:
        return False


def is_root() -> bool:
    return os.geteuid() == 0
