"""Whenever an ingest is killed or interrupted, nothing that was finished is lost."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest

from shared.lake.open import Lake
from tests.ingest.processes import (
    Files,
    contents,
    has_loaded,
    ingest,
    is_alive,
    one_line_of,
    shard_files,
    start,
    wait_until,
    workers_of,
)

pytestmark = pytest.mark.slow

KILLS_A_LAKE = 3
"""One while it starts, one while it writes shards, one while it commits."""


@dataclass(frozen=True)
class Timing:
    """How long the stages of an uninterrupted ingest take, in seconds."""

    start_up_s: float
    worker_start_s: float
    shards_s: float
    commit_s: float


@pytest.fixture(scope="module")
def timing(phantom_tree: Path, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Timing:
    root, num_shards = tmp_path_factory.mktemp("timed") / "lake", len(shard_files(lake.root))
    running, marks_s = start(phantom_tree, root, "workers=2"), [time.monotonic()]
    ends: list[Callable[[], object]] = [
        lambda: workers_of(running.pid),
        lambda: shard_files(root),
        lambda: len(shard_files(root)) == num_shards,
        lambda: running.poll() is not None,
    ]
    for has_ended in ends:
        wait_until(has_ended)
        marks_s.append(time.monotonic())
    assert not running.communicate()[1].count("Expected")
    return Timing(*(after - before for before, after in itertools.pairwise(marks_s)))


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    "num_kills", [KILLS_A_LAKE, pytest.param(20 * KILLS_A_LAKE, marks=pytest.mark.benchmark)]
)
@pytest.mark.parametrize("victim", ["parent", "worker", "group"])
def test_kills_lose_nothing(
    victim: str, num_kills: int, phantom_tree: Path, lake: Lake, tmp_path: Path, timing: Timing
) -> None:
    rng, num_shards = random.Random(victim), len(shard_files(lake.root))
    num_kept = num_reruns = 0
    orphans: list[int] = []
    for index in range(num_kills):
        root, step = tmp_path / f"lake{index // KILLS_A_LAKE}", index % KILLS_A_LAKE
        if step == 0:
            late_s = timing.worker_start_s + (victim != "worker") * timing.start_up_s
            wanted, delay_s = 0, rng.uniform(0, late_s)
        elif step == 1 or victim == "worker":
            # a worker is ahead of the shards that have a name, and must not be done yet
            wanted = rng.randint(1, num_shards // 2 if victim == "worker" else num_shards - 3)
            delay_s = rng.uniform(0, timing.shards_s / num_shards)
        else:
            wanted, delay_s = num_shards, rng.uniform(0, timing.commit_s)
        kept, workers = _kill_for_certain(victim, phantom_tree, root, wanted, delay_s)
        num_kept += kept
        orphans += workers
        if step == KILLS_A_LAKE - 1:
            finished = shard_files(root)
            again = ingest(phantom_tree, root, "workers=1")
            assert again.returncode == 0, again.stderr
            num_kept += _count_kept(finished, root)
            num_reruns += 1
            assert contents(root) == contents(lake.root)
            assert not any(map(is_alive, orphans))
    print(
        f"kill -9, {victim}: {num_kills} kills, {num_reruns} reruns, {num_kept} shards not redone"
    )


def _kill_for_certain(
    victim: str, tree: Path, root: Path, wanted: int, delay_s: float
) -> tuple[int, list[int]]:
    """Kill a run while it runs, earlier if it was over.

    Returns:
        How many finished shards it did not redo, and its workers.
    """
    for _ in range(6):
        finished = shard_files(root)
        running = start(tree, root, "workers=2")
        workers = _wait_for(victim, running, root, wanted, delay_s)
        landed = _kill(victim, running, workers)
        said = running.communicate(timeout=60)[1]
        if landed and victim == "worker" and running.returncode == 1:
            assert "Expected memory for each worker" in one_line_of(said)
            assert not _hidden(root)
            return _count_kept(finished, root), workers
        if landed and victim != "worker" and running.returncode == -signal.SIGKILL:
            return _count_kept(finished, root), workers
        assert running.returncode == 0, said
        # what is remembered of it too, or the next run would start its workers late
        shutil.rmtree(root)
        shutil.rmtree(platformdirs.user_cache_path("mura-lake"))
        delay_s /= 2
    raise AssertionError("no kill came while the ingest ran")


def _wait_for(
    victim: str, running: "subprocess.Popen[str]", root: Path, wanted: int, delay_s: float
) -> list[int]:
    """Wait for shards (for the workers at least, if one is to be killed), then a moment more."""

    def is_time() -> bool:
        is_up = victim != "worker" or bool(workers_of(running.pid))
        return running.poll() is not None or (is_up and len(shard_files(root)) >= wanted)

    wait_until(is_time)
    time.sleep(delay_s)
    return workers_of(running.pid)


def _kill(victim: str, running: "subprocess.Popen[str]", workers: list[int]) -> bool:
    """Return whether there was something to kill."""
    targets = workers[:1] if victim == "worker" else [running.pid]
    for target in targets:
        try:
            (os.killpg if victim == "group" else os.kill)(target, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(targets)


def _count_kept(finished: Files, root: Path) -> int:
    now = shard_files(root)
    assert {path: now[path] for path in finished} == finished
    return len(finished)


def _hidden(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".*")]


@pytest.mark.parametrize(
    ("sent", "status", "whom"),
    [
        # as a terminal and as `kill` send them, and crosswise
        (signal.SIGINT, 130, "group"),
        (signal.SIGTERM, 143, "parent"),
        pytest.param(signal.SIGINT, 130, "parent", marks=pytest.mark.benchmark),
        pytest.param(signal.SIGTERM, 143, "group", marks=pytest.mark.benchmark),
    ],
)
@pytest.mark.parametrize("stage", ["start-up", "worker start", "shards"])
def test_an_interruption_ends_at_once_and_says_how_to_go_on(
    phantom_tree: Path, tmp_path: Path, sent: int, status: int, whom: str, stage: str
) -> None:
    root = tmp_path / "lake"
    running = start(phantom_tree, root, "workers=2")
    wait_until(
        {
            "start-up": lambda: has_loaded(running.pid, "polars"),
            "worker start": lambda: workers_of(running.pid),
            "shards": lambda: shard_files(root),
        }[stage]
    )
    workers = workers_of(running.pid)
    sent_s = time.monotonic()
    (os.killpg if whom == "group" else os.kill)(running.pid, sent)
    said = running.communicate(timeout=30)[1]
    took_s = time.monotonic() - sent_s
    assert running.returncode == status, said
    assert one_line_of(said).endswith(
        "finished shards are kept; run the same command again to resume"
    )
    assert took_s < 2
    assert not any(map(is_alive, workers))
    assert not _hidden(root)
    assert not (root / "lake.json").exists()
