"""At MURA's size every window of an epoch has its mix of labels and parts, read either way."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.storage.atomic import digest
from tests.benchmarks.cache import phantom_tree
from tests.commands import run
from trainer.data.pipeline import shuffled_batches
from trainer.data.tfrecord_pipeline import sequential_batches

NUM_VIEWS, SIZE_PX = 40_005, 32
BATCH, WINDOW = 64, 2_000
LIMIT_ERRORS = 4.5
"""Standard errors; among some thousand windows the largest is rarely beyond four."""

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("lake") / "lake"
    done = run(
        "mura-ingest", phantom_tree(NUM_VIEWS), f"lake={root}", f"size={SIZE_PX}", timeout_s=600
    )
    assert done.returncode == 0, done.stderr
    return open_lake(root)


def _by_offset(lake: Lake) -> tf.data.Dataset:
    return shuffled_batches(ViewReader(lake, lake.manifest), BATCH, seed=0)


def _sequential(lake: Lake) -> tf.data.Dataset:
    return sequential_batches(ViewReader(lake, lake.manifest), BATCH, seed=0)


@pytest.mark.parametrize("way", [_by_offset, _sequential])
def test_every_window_has_the_mix(lake: Lake, way: Callable[[Lake], tf.data.Dataset]) -> None:
    digests = [
        digest(image.tobytes())
        for images, _ in way(lake).take(-(-NUM_VIEWS // BATCH))
        for image in images.numpy()
    ]
    known = lake.manifest.unique("pixel_digest").select("pixel_digest", "body_part", "label")
    epoch = pl.DataFrame({"pixel_digest": digests}).join(
        known, on="pixel_digest", maintain_order="left"
    )
    assert sorted(digests) == lake.manifest["pixel_digest"].sort().to_list()
    for kinds in (epoch["label"].cast(pl.String), epoch["body_part"]):
        for kind in kinds.unique():
            is_kind = (kinds == kind).to_numpy().astype(float)
            share = is_kind.mean()
            # without replacement: the windows are parts of one epoch
            error = np.sqrt(share * (1 - share) / WINDOW * (1 - WINDOW / NUM_VIEWS))
            shares = np.convolve(is_kind, np.ones(WINDOW) / WINDOW, "valid")
            assert np.abs(shares - share).max() < LIMIT_ERRORS * error
