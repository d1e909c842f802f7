"""Disks, memory and sources that fail: one line, and the lake is as it was."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from shared.lake.open import open_lake
from tests.commands import call
from tests.ingest.processes import (
    contents,
    file_contents,
    ingest,
    is_root,
    one_line_of,
    run_through,
    start,
    wait_until,
    with_file_limit,
    workers_of,
)

pytestmark = pytest.mark.slow


def assert_as_it_was(root: Path, before: dict[str, bytes]) -> None:
    """The lake is whole, and nothing lies beside it but finished shards and their folders."""
    after = contents(root)
    assert {path: after[path] for path in before} == before
    assert all(path.endswith(("/", ".tfrecord")) for path in after.keys() - before.keys())
    verified = call("mura-verify", f"lake={root}")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(before["lake.json"])["digest"] in verified.stdout


def test_a_shard_that_cannot_be_written_is_one_line(own_tree: Path, own_lake: Path) -> None:
    before = contents(own_lake)
    result = run_through(with_file_limit(50_000), "mura-ingest", own_tree, f"lake={own_lake}")
    assert result.returncode == 1
    said = one_line_of(result.stderr)
    assert f"Expected to write {own_lake}/shards/split=" in said
    assert "Received: File too large; allow larger files" in said
    assert_as_it_was(own_lake, before)


@pytest.mark.parametrize("lost", ["*.parquet", "lake.json"])
def test_a_commit_that_cannot_be_written_leaves_the_old_lake(
    own_tree: Path, tmp_path: Path, lost: str
) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    old = shutil.copytree(root, tmp_path / "old")
    next((own_tree / "train").rglob("*positive/*.png")).unlink()
    assert ingest(own_tree, root).returncode == 0
    # as if the second had been killed just before it wrote its tables, or lake.json
    for path in root.rglob(lost):
        path.unlink()
    shutil.copytree(old, root, dirs_exist_ok=True)
    before = contents(root)
    result = run_through(with_file_limit(512), "mura-ingest", own_tree, f"lake={root}", "size=64")
    assert result.returncode == 1
    assert "File too large" in one_line_of(result.stderr)
    assert_as_it_was(root, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path, None, None]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not is_root() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line(own_tree: Path, small_disk: Path) -> None:
    root = small_disk / "lake"
    assert ingest(own_tree, root).returncode == 0
    before = contents(root)
    result = call("mura-ingest", own_tree, f"lake={root}", "size=1024")
    assert result.returncode == 1
    said = one_line_of(result.stderr)
    assert f"Expected to write {root}/shards/split=" in said
    assert "Received: No space left on device; free disk space and run again" in said
    assert_as_it_was(root, before)


def test_a_lake_that_is_read_only_is_one_line(own_tree: Path, own_lake: Path) -> None:
    before = contents(own_lake)
    prefix: list[object] = []
    if is_root():
        # permissions do not bind root, a file system mounted read-only does
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 77; exec "$@"'
        prefix = ["unshare", "-m", "sh", "-c", script, own_lake]
    else:
        for folder in (own_lake, *own_lake.rglob("*/")):
            folder.chmod(0o555)
    result = run_through(prefix, "mura-ingest", own_tree, f"lake={own_lake}")
    for folder in (own_lake, *own_lake.rglob("*/")):
        folder.chmod(0o755)
    if is_root() and result.returncode == 77:
        pytest.skip("mounting is not allowed here")
    assert result.returncode == 1
    said = one_line_of(result.stderr)
    assert f"Expected to write {own_lake}/.lock. Received: " in said
    assert "grant permission or choose another folder" in said
    assert_as_it_was(own_lake, before)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Path.unlink, "found by the scan. Received: No such file or directory; run again"),
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "bytes of a changed file"),
        (lambda path: os.utime(path, (0, 0)), "bytes of a changed file; run again"),
    ],
    ids=["vanishes", "grows", "is written"],
)
def test_a_source_that_changes_under_way_is_one_line(
    own_tree: Path, own_lake: Path, change: Callable[[Path], None], said: str
) -> None:
    before = contents(own_lake)
    running = start(own_tree, own_lake, "workers=1")
    assert running.stderr
    assert running.stderr.readline().startswith("scan: ")
    # the scan is over, and a worker takes far longer to start than this
    view = sorted(own_tree.rglob("*.png"))[0]
    change(view)
    stderr = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert str(view) in one_line_of(stderr)
    assert said in stderr
    assert_as_it_was(own_lake, before)


def test_a_worker_without_memory_rejects_no_view(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    before = contents(root)
    study = own_tree / "train/XR_WRIST/patient00001/study1_negative"
    study.mkdir(parents=True)
    for index in range(300):
        os.link(next((own_tree / "train").rglob("*.png")), study / f"image{index}.png")
    large = own_tree / "valid/XR_WRIST/patient19999/study1_negative/image1.png"
    large.parent.mkdir(parents=True)
    large.touch()
    os.truncate(large, 250_000_000)

    running = start(own_tree, root, "workers=1")
    wait_until(lambda: any(root.rglob("*.partial")))
    (worker,) = workers_of(running.pid)
    used_bytes = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
    limit_bytes = used_bytes + 100_000_000
    resource.prlimit(worker, resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "Received: out of memory, workers=1" in one_line_of(said)
    assert_as_it_was(root, before)

    large.unlink()
    assert ingest(own_tree, root).returncode == 0
    assert open_lake(root).rejects.is_empty()


def test_a_worker_that_the_kernel_kills_is_one_line(phantom_tree: Path, own_lake: Path) -> None:
    before = contents(own_lake)
    running = start(phantom_tree, own_lake, "workers=2", "fit=stretch")
    wait_until(lambda: any(own_lake.rglob("*.partial")))
    os.kill(workers_of(running.pid)[0], signal.SIGKILL)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "Received: exit status -9, workers=2; finished work is kept" in one_line_of(said)
    assert_as_it_was(own_lake, before)


HOLD = """
import sys, time
from pathlib import Path
from shared.storage.local import Folder
with Folder(Path(sys.argv[1])).lock(".lock"):
    print("held", flush=True)
    time.sleep(60)
"""


def _hold(root: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen([sys.executable, "-c", HOLD, root], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


def test_of_two_ingests_one_is_told_who_the_other_is(own_tree: Path, own_lake: Path) -> None:
    before = contents(own_lake)
    with _hold(own_lake) as holder:
        refused = ingest(own_tree, own_lake)
        holder.kill()
    assert refused.returncode == 1
    said = one_line_of(refused.stderr)
    who = f"process {holder.pid} on {socket.gethostname()} since 20"
    assert f"{own_lake}, which {who}" in said
    # the dead process's file is still there, blocks nobody, and goes
    assert_as_it_was(own_lake, before | {".lock": (own_lake / ".lock").read_bytes()})
    assert ingest(own_tree, own_lake).returncode == 0
    assert not (own_lake / ".lock").exists()


def test_of_two_ingests_at_once_at_least_one_works(phantom_tree: Path, own_lake: Path) -> None:
    both = [start(phantom_tree, own_lake, "workers=1", "fit=stretch") for _ in range(2)]
    said = [running.communicate(timeout=100)[1] for running in both]
    for running, stderr in zip(both, said, strict=True):
        assert (
            running.returncode == 0
            or f"which process {both[0].pid}" in stderr
            or (f"which process {both[1].pid}" in stderr)
        )
    assert any(running.returncode == 0 for running in both)
    assert set(open_lake(own_lake).files) == set(file_contents(own_lake))
