"""Ingest at MURA's true size: memory does not grow with the views, nothing is opened twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shared.console import show_table
from tests.benchmarks.cache import phantom_tree
from tests.benchmarks.memory import peak_bytes
from tests.benchmarks.start_up import listing_opened
from tests.benchmarks.tables import save, seconds
from tests.commands import SCRIPTS, run

NUM_VIEWS, NUM_FEW = 40_005, 4_000

pytestmark = pytest.mark.benchmark


@dataclass(frozen=True)
class FirstRun:
    """What `mura-ingest` took for a tree."""

    tree: Path
    lake: Path
    peak_bytes: int
    num_opened: int

    @property
    def words(self) -> tuple[object, ...]:
        return (self.tree, f"lake={self.lake}", "size=224", "workers=2")


@pytest.fixture(scope="module")
def first_run() -> Iterator[FirstRun]:
    with TemporaryDirectory() as folder:
        yield _ingest(NUM_VIEWS, Path(folder))


def test_memory(first_run: FirstRun, tmp_path: Path) -> None:
    few = _ingest(NUM_FEW, tmp_path)
    peaks = {NUM_FEW: few.peak_bytes, NUM_VIEWS: first_run.peak_bytes}
    rows = [[f"{num_views:,}", f"{peak / 1e6:,.0f}"] for num_views, peak in peaks.items()]
    show_table("ingest-memory", ["views", "peak of all processes, MB"], rows)
    save("ingest-memory", {"peak_bytes": peaks})
    assert max(peaks.values()) < 1e9
    assert peaks[NUM_VIEWS] <= 1.2 * peaks[NUM_FEW]


def test_unchanged_tree(first_run: FirstRun, tmp_path: Path) -> None:
    assert first_run.num_opened == NUM_VIEWS

    def again(environment: dict[str, str] | None = None) -> None:
        assert run("mura-ingest", *first_run.words, environment=environment).returncode == 0

    taken_s = [seconds(again) for _ in range(3)]
    opened = tmp_path / "opened"
    again(listing_opened(tmp_path, ".png", opened))
    num_opened = len(opened.read_text().splitlines())
    rows = [[f"{NUM_VIEWS:,}", f"{min(taken_s):.2f}", f"{num_opened:,}"]]
    show_table("ingest-unchanged", ["views", "best of 3, s", "images opened"], rows)
    save("ingest-unchanged", {"seconds": taken_s, "num_opened": num_opened})
    assert num_opened == 0
    assert min(taken_s) < 3


def _ingest(num_views: int, folder: Path) -> FirstRun:
    first = FirstRun(phantom_tree(num_views), folder / "lake", 0, 0)
    opened = folder / "opened"
    environment = listing_opened(folder, ".png", opened)
    peak = peak_bytes([SCRIPTS / "mura-ingest", *first.words], environment)
    return FirstRun(first.tree, first.lake, peak, len(opened.read_text().splitlines()))
