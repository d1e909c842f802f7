"""Ingest against its limit and against peers: whole commands, the same files, two workers."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import decode_limit
from tests.benchmarks.cache import phantom_tree
from tests.benchmarks.peer import PEERS, PeerMissingError
from tests.benchmarks.start_up import without_module
from tests.benchmarks.tables import publish_speeds, speeds
from tests.commands import run

NUM_VIEWS = 8_000
FAST_DECODER = "kornia_rs"
LIMIT, INGEST, OPENCV = "limit", "ingest", "ingest without fast decoder"

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize(("size", "least"), [(224, 1.25), (512, 1.1)])
def test_ingest_speed(tmp_path: Path, size: int, least: float) -> None:
    tree = phantom_tree(NUM_VIEWS)
    bare = without_module(tmp_path, FAST_DECODER)
    command = [sys.executable, "-c", f"import {FAST_DECODER}"]
    assert subprocess.run(command, env=bare, capture_output=True).returncode == 1
    limit = [sys.executable, decode_limit.__file__, str(tree), str(size)]
    ways: dict[str, Callable[[Path], object]] = {
        LIMIT: lambda out: subprocess.run(limit, check=True),
        INGEST: lambda out: _ingest(tree, out, size),
        OPENCV: lambda out: _ingest(tree, out, size, bare),
    }
    skipped: dict[str, str] = {}
    for name, peer in PEERS.items():
        try:
            ways[name] = _whole_command(peer.command(), tree, size)
        except PeerMissingError as reason:
            skipped[name] = str(reason)
    measured = speeds(NUM_VIEWS, ways)
    publish_speeds(f"ingest-{size}", measured, LIMIT, skipped)
    best = {way: speed.best for way, speed in measured.items()}
    bars = {(INGEST, LIMIT): least, (OPENCV, LIMIT): 0.85}
    bars |= {(INGEST, peer): 1.0 for peer in best.keys() & PEERS.keys()}
    missed = {
        f"{way} / {other}": f"{best[way] / best[other]:.2f}, expected {bar} or more"
        for (way, other), bar in bars.items()
        if best[way] < bar * best[other]
    }
    assert not missed


def _ingest(tree: Path, out: Path, size: int, environment: dict[str, str] | None = None) -> None:
    words = (f"lake={out / 'lake'}", f"size={size}", "workers=2")
    done = run("mura-ingest", tree, *words, environment=environment)
    assert done.returncode == 0, done.stderr


def _whole_command(command: list[str], tree: Path, size: int) -> Callable[[Path], object]:
    def work(out: Path) -> None:
        words = [*command, str(tree), str(out), str(size)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return work
