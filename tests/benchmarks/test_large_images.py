"""The memory of a head on images that are larger than usual."""

import os
from pathlib import Path

import pytest

from tests.benchmarks.memory import peak_bytes
from tests.commands import SCRIPTS, run

SIZE_PX = 1024
# the outputs of all layers for eight images take 15 GB
MOST_BYTES = 5 << 30

pytestmark = pytest.mark.benchmark


def test_a_backbone_is_converted_and_run_within_bounded_memory(tmp_path: Path) -> None:
    tree, lake = tmp_path / "tree", tmp_path / "lake"
    assert run("mura-phantom", f"out={tree}", "views=60", "part=wrist").returncode == 0
    assert run("mura-ingest", tree, f"lake={lake}", f"size={SIZE_PX}").returncode == 0
    words = ("part=wrist", "recipe=quick", f"lake={lake}", f"out={tmp_path / 'run'}")
    # without a kept backbone
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert peak_bytes([SCRIPTS / "mura-train", *words], environment) < MOST_BYTES
