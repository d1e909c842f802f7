"""Streams give each view once an epoch, shuffled by seed, with its own label and checked pixels."""

from pathlib import Path

import numpy as np
import pytest

from shared.errors import CorruptLakeError
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from trainer.data.pipeline import ordered_batches, shuffled_batches

pytestmark = pytest.mark.slow

BATCH = 32


def _pixels(lake: Lake, row: dict[str, object]) -> np.ndarray:
    with (lake.root / str(row["shard"])).open("rb") as shard:
        shard.seek(int(str(row["image_offset"])))
        stored = shard.read(int(str(row["image_bytes"])))
    return np.frombuffer(stored, np.uint8).reshape(lake.image.size, lake.image.size, 1)


def test_any_rows_in_any_order_are_read(lake: Lake) -> None:
    views = lake.manifest.sample(fraction=1, shuffle=True, seed=5)
    reader = ViewReader(lake, views)
    rows = np.array([3, 0, 77, 3, len(reader) - 1])
    images = reader.read(rows)
    for image, row in zip(images, rows, strict=True):
        np.testing.assert_array_equal(image, _pixels(lake, views.row(int(row), named=True)))


def test_ordered_batches_give_each_view_with_its_target(lake: Lake) -> None:
    reader = ViewReader(lake, lake.manifest)
    numbers = np.arange(lake.manifest.height, dtype=np.float32)
    seen = []
    for images, rows in ordered_batches(reader, BATCH, (numbers,)):
        assert images.dtype == "uint8"
        assert images.shape[1:] == (lake.image.size, lake.image.size, 1)
        np.testing.assert_array_equal(images, reader.read(rows.numpy().astype(np.int64)))
        seen += rows.numpy().tolist()
    assert seen == numbers.tolist()


def _epochs(lake: Lake, seed: int, num_epochs: int) -> list[list[tuple[bytes, float]]]:
    reader = ViewReader(lake, lake.manifest)
    num_batches = -(-len(reader) // BATCH)
    batches = iter(shuffled_batches(reader, BATCH, seed))
    return [
        [
            (image.tobytes(), float(label[0]))
            for images, labels in (next(batches) for _ in range(num_batches))
            for image, label in zip(images.numpy(), labels.numpy(), strict=True)
        ]
        for _ in range(num_epochs)
    ]


def test_an_epoch_is_a_seeded_permutation(lake: Lake) -> None:
    first, second = _epochs(lake, seed=1, num_epochs=2)
    expected = sorted(
        (_pixels(lake, row).tobytes(), float(row["label"]))
        for row in lake.manifest.iter_rows(named=True)
    )
    assert sorted(first) == sorted(second) == expected
    assert first != second
    assert _epochs(lake, seed=1, num_epochs=1) == [first]
    assert _epochs(lake, seed=2, num_epochs=1) != [first]


def test_shuffling_mixes_labels_all_along(lake: Lake) -> None:
    labels = np.array([label for _, label in _epochs(lake, seed=3, num_epochs=1)[0]])
    share = labels.mean()
    window = 100
    sampling_error = np.sqrt(share * (1 - share) / window)
    for start in range(0, len(labels) - window, 20):
        assert abs(labels[start : start + window].mean() - share) < 4 * sampling_error


def test_ordered_batches_follow_the_views(lake: Lake) -> None:
    views = lake.manifest.sample(50, seed=2)
    labels = [
        label for _, batch in ordered_batches(ViewReader(lake, views), BATCH) for label in batch
    ]
    assert np.array(labels)[:, 0].tolist() == views["label"].to_list()


def test_a_closed_reader_holds_no_file_open(lake: Lake) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    with ViewReader(lake, lake.manifest) as reader:
        assert open_files() == before + lake.manifest["shard"].n_unique()
        assert len(list(ordered_batches(reader, BATCH))) > 1
    assert open_files() == before


def test_damage_stops_reading_with_shard_and_view(own_lake: Path) -> None:
    lake = open_lake(own_lake)
    row = lake.manifest.row(11, named=True)
    shard = own_lake / row["shard"]
    data = bytearray(shard.read_bytes())
    data[row["image_offset"] + 5] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CorruptLakeError, match=f"{shard}, view {row['view_id']}"):
        ViewReader(lake, lake.manifest).read(np.arange(20))


def test_a_missing_shard_is_named(own_lake: Path) -> None:
    lake = open_lake(own_lake)
    shard = own_lake / lake.manifest["shard"][0]
    shard.unlink()
    with pytest.raises(CorruptLakeError, match=f"{shard}, view .*the file is missing"):
        ViewReader(lake, lake.manifest)


def test_a_reader_outlives_the_files_it_opened(own_lake: Path) -> None:
    lake = open_lake(own_lake)
    reader = ViewReader(lake, lake.manifest)
    expected = reader.read(np.arange(len(reader)))
    for shard in lake.manifest["shard"].unique():
        (own_lake / shard).unlink()
    np.testing.assert_array_equal(reader.read(np.arange(len(reader))), expected)


def test_no_rows_are_no_images(lake: Lake) -> None:
    images = ViewReader(lake, lake.manifest).read(np.array([], np.int64))
    assert images.shape == (0, lake.image.size, lake.image.size, 1)
