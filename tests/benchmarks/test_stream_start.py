"""A stream starts at once and holds its batches, not the lake: measured at MURA's size."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.console import show_table
from tests.benchmarks import stream_once
from tests.benchmarks.cache import phantom_tree
from tests.benchmarks.tables import save
from tests.commands import PROJECT, run

SIZE_PX = 128
FEW_VIEWS, MANY_VIEWS = 4_000, 40_005
LIMIT_S = 0.5
STARTS = 5

pytestmark = pytest.mark.benchmark


def test_stream_start_and_memory(tmp_path: Path) -> None:
    measured = {views: _measure(tmp_path / str(views), views) for views in (FEW_VIEWS, MANY_VIEWS)}
    keys = ["lake_s", "first_batch_s", "imported_mb", "first_batch_mb", "epoch_mb"]
    rows = [[f"{n:,}", *(f"{facts[key]:,.2f}" for key in keys)] for n, facts in measured.items()]
    show_table("stream-start", ["views", *keys], rows)
    save("stream-start", {str(views): facts for views, facts in measured.items()})
    few, many = measured[FEW_VIEWS], measured[MANY_VIEWS]
    more_pixels_mb = (MANY_VIEWS - FEW_VIEWS) * SIZE_PX**2 / 2**20
    assert many["epoch_mb"] - few["epoch_mb"] < 0.15 * more_pixels_mb
    assert many["epoch_mb"] - many["first_batch_mb"] < 0.05 * more_pixels_mb
    assert many["first_batch_s"] < LIMIT_S


def _measure(lake: Path, num_views: int) -> dict[str, Any]:
    """Return what the quickest of some cold starts measured: others share the machine."""
    words = (phantom_tree(num_views), f"lake={lake}", f"size={SIZE_PX}")
    done = run("mura-ingest", *words, timeout_s=3600)
    assert done.returncode == 0, done.stderr
    starts = [_start_cold(lake) for _ in range(STARTS)]
    return min(starts, key=lambda facts: facts["first_batch_s"])


def _start_cold(lake: Path) -> dict[str, Any]:
    for path in lake.rglob("*.*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, stream_once.__file__, str(lake)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
