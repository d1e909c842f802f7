"""Reading sequentially gives the same views as reading by offset, mixed all along the epoch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from tests.commands import call, run
from tests.conftest import SIZE_PX
from trainer.data.pipeline import shuffled_batches
from trainer.data.tfrecord_pipeline import sequential_batches

pytestmark = pytest.mark.slow

BATCH = 32


def _epochs(
    make: Callable[[], tf.data.Dataset], num_views: int, num_epochs: int
) -> list[list[tuple[bytes, float]]]:
    batches = iter(make())
    num_batches = -(-num_views // BATCH)
    return [
        [
            (image.tobytes(), float(label[0]))
            for images, labels in (next(batches) for _ in range(num_batches))
            for image, label in zip(images.numpy(), labels.numpy(), strict=True)
        ]
        for _ in range(num_epochs)
    ]


def test_both_ways_give_the_same_views_of_any_set(lake: Lake) -> None:
    views = lake.manifest.sample(150, seed=4)
    by_offset = _epochs(
        lambda: shuffled_batches(ViewReader(lake, views), BATCH, 1), views.height, 1
    )
    first, second = _epochs(
        lambda: sequential_batches(ViewReader(lake, views), BATCH, 1), views.height, 2
    )
    assert sorted(first) == sorted(second) == sorted(by_offset[0])
    assert first != second
    assert _epochs(
        lambda: sequential_batches(ViewReader(lake, views), BATCH, 1), views.height, 1
    ) == [first]


def test_labels_are_mixed_all_along(lake: Lake) -> None:
    views = lake.manifest
    labels = np.array(
        [
            label
            for _, label in _epochs(
                lambda: sequential_batches(ViewReader(lake, views), BATCH, 2), views.height, 1
            )[0]
        ]
    )
    share, window = labels.mean(), 100
    sampling_error = np.sqrt(share * (1 - share) / window)
    for start in range(0, len(labels) - window, 20):
        assert abs(labels[start : start + window].mean() - share) < 4 * sampling_error


def test_damage_is_named_as_by_offset(own_lake: Path) -> None:
    lake = open_lake(own_lake)
    row = lake.manifest.filter(split="train", body_part="wrist").row(3, named=True)
    shard = own_lake / row["shard"]
    damaged = bytearray(shard.read_bytes())
    damaged[row["image_offset"] + 9] ^= 2
    shard.write_bytes(damaged)
    words = (f"lake={own_lake}", "part=wrist", "model=cnn2", "reader=stream")
    result = run("mura-train", *words, f"out={own_lake.parent / 'run'}")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(
        f"train: {shard}, view {row['view_id']}: the record differs from the manifest"
    )


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_other_encodings_are_decoded(own_tree: Path, tmp_path: Path, encoding: str) -> None:
    words = (f"lake={tmp_path / 'lake'}", f"size={SIZE_PX}", f"encoding={encoding}")
    assert call("mura-ingest", own_tree, *words).returncode == 0
    lake = open_lake(tmp_path / "lake")
    views = lake.manifest
    by_offset = _epochs(
        lambda: shuffled_batches(ViewReader(lake, views), BATCH, 1), views.height, 1
    )[0]
    streamed = _epochs(
        lambda: sequential_batches(ViewReader(lake, views), BATCH, 1), views.height, 1
    )[0]
    assert sorted(label for _, label in streamed) == sorted(label for _, label in by_offset)
    if encoding == "png":
        assert sorted(streamed) == sorted(by_offset)
