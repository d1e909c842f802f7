"""What each encoding costs: bytes a view, and images per second that one thread reads shuffled."""

from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from shared.console import show_table
from shared.images.spec import Encoding
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from tests.benchmarks.cache import phantom_tree
from tests.benchmarks.tables import rate, save
from tests.commands import run

NUM_VIEWS = 4_000
NUM_READ, BATCH = 2_000, 64

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("size", [224, 320, 512])
def test_encodings(tmp_path: Path, size: int) -> None:
    tree = phantom_tree(NUM_VIEWS)
    measured: dict[str, tuple[float, float]] = {}
    for encoding in get_args(Encoding):
        root = tmp_path / encoding
        done = run("mura-ingest", tree, f"lake={root}", f"size={size}", f"encoding={encoding}")
        assert done.returncode == 0, done.stderr
        lake = open_lake(root)
        with ViewReader(lake, lake.manifest) as reader:
            read = rate(NUM_READ, partial(_read_shuffled, reader))
        measured[encoding] = (lake.manifest["image_bytes"].to_numpy().mean(), read)
    table = [[name, f"{size_b:,.0f}", f"{read:,.0f}"] for name, (size_b, read) in measured.items()]
    show_table(f"encoding-{size}", ["encoding", "bytes a view", "images/s"], table)
    save(f"encoding-{size}", {"bytes_a_view_and_images_per_s": measured})
    assert measured["raw"][0] > measured["png"][0] > measured["jpeg"][0]
    assert measured["raw"][1] > measured["jpeg"][1] > measured["png"][1]


def _read_shuffled(reader: ViewReader) -> None:
    rows = np.random.default_rng(0).permutation(len(reader))[:NUM_READ]
    for batch in np.array_split(rows, NUM_READ // BATCH):
        reader.read(batch)
