"""Ingest against its limit: reading, decoding and resizing the same files, writing nothing."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.image_spec import ImageSpec
from shared.prepare import prepare
from tests.benchmarks.tables import publish, rate
from tests.commands import run

NUM_VIEWS = 4_000
WORKERS = 2

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(PhantomOptions(out=str(tmp_path_factory.mktemp("phantom")), views=NUM_VIEWS))


def _decode_all(paths: list[Path], spec: ImageSpec) -> None:
    cv2.setNumThreads(1)
    for path in paths:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
        grey = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
        prepare(np.asarray(grey, np.uint8), spec)


@pytest.mark.parametrize("size", [224, 512])
def test_ingest_speed(tree: Path, tmp_path: Path, size: int) -> None:
    paths = sorted(tree.rglob("*.png"))
    blocks = [paths[start : start + 250] for start in range(0, len(paths), 250)]
    spawn = multiprocessing.get_context("spawn")

    def bare() -> None:
        with ProcessPoolExecutor(WORKERS, spawn) as pool:
            list(pool.map(partial(_decode_all, spec=ImageSpec(size)), blocks))

    lakes = iter(range(100))

    def ingest() -> None:
        words = (f"lake={tmp_path / str(next(lakes))}", f"size={size}", f"workers={WORKERS}")
        assert run("mura-ingest", tree, *words).returncode == 0

    rates = {
        "OpenCV, nothing written": rate(NUM_VIEWS, bare),
        "ingest, whole command": rate(NUM_VIEWS, ingest),
    }
    publish(f"ingest-{size}", rates, "OpenCV, nothing written")
    assert rates["ingest, whole command"] > 0.5 * rates["OpenCV, nothing written"]
