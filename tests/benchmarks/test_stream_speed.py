"""Streaming a shuffled epoch, against what people do today and against the limit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.lake import Lake, open_lake
from shared.reader import ViewReader
from tests.benchmarks.tables import publish, rate
from tests.commands import run
from trainer.stream import shuffled_batches

NUM_VIEWS = 2_000
BATCH = 64

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(PhantomOptions(out=str(tmp_path_factory.mktemp("phantom")), views=NUM_VIEWS))


@pytest.mark.parametrize("size", [224, 320, 512])
def test_stream_speed(tree: Path, tmp_path: Path, size: int) -> None:
    assert run("mura-ingest", tree, f"lake={tmp_path / 'lake'}", f"size={size}").returncode == 0
    lake = open_lake(tmp_path / "lake")
    ways: dict[str, Callable[[], object]] = {
        "PNG directory, Keras": _png_directory(tree, tmp_path, size),
        "TFRecordDataset": _records(lake),
        "by offset, as trained": _by_offset(lake),
        "numpy memmap": _memmap(lake, tmp_path),
    }
    rates = {way: rate(NUM_VIEWS, epoch) for way, epoch in ways.items()}
    publish(f"stream-{size}", rates, "PNG directory, Keras")
    assert rates["by offset, as trained"] > 1.5 * rates["TFRecordDataset"]


def _png_directory(tree: Path, tmp_path: Path, size: int) -> Callable[[], object]:
    for index, path in enumerate(sorted(tree.rglob("*.png"))):
        label = path.parent.name.rpartition("_")[2]
        folder = tmp_path / "by_label" / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index}.png").symlink_to(path)
    batches = keras.utils.image_dataset_from_directory(
        tmp_path / "by_label",
        color_mode="grayscale",
        image_size=(size, size),
        batch_size=BATCH,
        verbose=False,
    )
    return lambda: sum(1 for _ in batches)


def _records(lake: Lake) -> Callable[[], object]:
    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }

    def decode(records: tf.Tensor) -> tuple[tf.Tensor, Any]:
        parsed = tf.io.parse_example(records, features)
        images = tf.io.decode_raw(parsed["image"], tf.uint8)
        return tf.reshape(images, (-1, lake.image.size, lake.image.size, 1)), parsed["label"]

    shards = [str(lake.root / shard) for shard in lake.manifest["shard"].unique()]
    records = tf.data.TFRecordDataset(shards, num_parallel_reads=2).shuffle(512)
    batches = records.batch(BATCH).map(decode, num_parallel_calls=2).prefetch(2)
    return lambda: sum(1 for _ in batches)


def _by_offset(lake: Lake) -> Callable[[], object]:
    batches = shuffled_batches(ViewReader(lake, lake.manifest), BATCH, seed=0)
    return lambda: sum(1 for _ in batches.take(-(-lake.manifest.height // BATCH)))


def _memmap(lake: Lake, tmp_path: Path) -> Callable[[], object]:
    reader = ViewReader(lake, lake.manifest)
    pixels = reader.read(np.arange(len(reader)))
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")

    def epoch() -> None:
        rows = np.random.default_rng(0).permutation(len(mapped))
        for start in range(0, len(rows), BATCH):
            mapped[np.sort(rows[start : start + BATCH])]

    return epoch
