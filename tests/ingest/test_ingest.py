"""From tree to lake, as processes: same bytes whatever happens on the way, and nothing lost."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from shared.images.spec import ImageSpec
from shared.lake.open import Lake, open_lake
from tests.commands import call
from tests.conftest import NUM_VIEWS, SIZE_PX
from tests.ingest.processes import contents, file_contents, ingest
from tests.shared.images.test_formats import by_opencv_alone


def test_counts_close(lake: Lake) -> None:
    assert lake.manifest.height == NUM_VIEWS
    assert lake.rejects.is_empty()


@pytest.mark.slow
def test_stored_pixels_are_those_of_opencv_alone(lake: Lake, phantom_tree: Path) -> None:
    spec = ImageSpec(SIZE_PX)
    for row in lake.manifest.iter_rows(named=True):
        with (lake.root / row["shard"]).open("rb") as shard:
            shard.seek(row["image_offset"])
            stored = np.frombuffer(shard.read(row["image_bytes"]), np.uint8)
        expected = by_opencv_alone(phantom_tree / row["view_id"], spec)
        np.testing.assert_array_equal(stored.reshape(SIZE_PX, SIZE_PX), expected)
        assert row["mean"] == pytest.approx(expected.mean())
        assert row["std"] == pytest.approx(expected.std())
        source = cv2.imread(str(phantom_tree / row["view_id"]), cv2.IMREAD_UNCHANGED)
        assert (row["height_px"], row["width_px"]) == source.shape[:2]
        assert row["channels"] == (source.shape[2] if source.ndim == 3 else 1)


@pytest.mark.slow
def test_tensorflow_reads_the_shards_as_they_are(lake: Lake) -> None:
    import tensorflow as tf

    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "view_id": tf.io.FixedLenFeature([], tf.string),
    }
    read = 0
    for (shard,), rows in (
        lake.manifest.sort("record_index").partition_by("shard", as_dict=True).items()
    ):
        records = tf.data.TFRecordDataset(str(lake.root / str(shard)))
        for row, record in zip(rows.iter_rows(named=True), records, strict=True):
            example = tf.io.parse_single_example(record, features)
            assert example["view_id"].numpy().decode() == row["view_id"]
            assert int(example["label"]) == row["label"]
            with (lake.root / row["shard"]).open("rb") as file:
                file.seek(row["image_offset"])
                assert example["image"].numpy() == file.read(row["image_bytes"])
            read += 1
    assert read == lake.manifest.height


@pytest.mark.slow
def test_workers_times_and_place_change_no_byte(
    lake: Lake, phantom_tree: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(phantom_tree, tmp_path / "MURA-v1.1")
    rng = np.random.default_rng(0)
    for path in moved.rglob("*.png"):
        os.utime(path, ns=(0, int(rng.integers(10**18))))
    result = ingest(tmp_path, tmp_path / "lake", "workers=1")
    assert result.returncode == 0, result.stderr
    assert contents(tmp_path / "lake") == contents(lake.root)


def test_a_change_rewrites_only_its_shards(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    before = open_lake(root)
    written_ns = {path: path.stat().st_mtime_ns for path in root.rglob("*.tfrecord")}

    again = ingest(own_tree, root)
    assert "shards up to date" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.tfrecord")} == written_ns

    removed = before.manifest.filter(split="train", label=1)["view_id"][0]
    (own_tree / removed).unlink()
    assert ingest(own_tree, root).returncode == 0
    after = open_lake(root)
    assert set(before.manifest["view_id"]) - set(after.manifest["view_id"]) == {removed}
    kept = set(before.manifest["shard"]) & set(after.manifest["shard"])
    assert len(kept) == before.manifest["shard"].n_unique() - 1
    assert all((root / shard).stat().st_mtime_ns == written_ns[root / shard] for shard in kept)
    assert set(file_contents(root)) == set(after.files)

    changed, added = (
        before.manifest.filter(split=s, label=0)["view_id"][0] for s in ("train", "valid")
    )
    shutil.copy(own_tree / before.manifest.filter(label=1)["view_id"][-1], own_tree / changed)
    shutil.copy(own_tree / changed, (own_tree / added).with_name("image99.png"))
    assert ingest(own_tree, root).returncode == 0
    last = open_lake(root)
    assert last.manifest.height + last.rejects.height == after.manifest.height + 1
    kept = set(after.manifest["shard"]) & set(last.manifest["shard"])
    assert len(kept) == after.manifest["shard"].n_unique() - 2
    assert all(
        (root / shard).stat().st_mtime_ns == written_ns[root / shard]
        for shard in kept
        if root / shard in written_ns
    )

    fresh = tmp_path / "fresh"
    assert ingest(own_tree, fresh).returncode == 0
    assert contents(fresh) == contents(root)


def test_another_size_makes_another_lake(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    assert call("mura-ingest", own_tree, f"lake={root}", "size=32", "fit=stretch").returncode == 0
    assert open_lake(root).image == ImageSpec(32, "stretch")
    assert call("mura-verify", f"lake={root}").returncode == 0


def test_broken_files_are_rejected_with_a_reason(own_tree: Path, tmp_path: Path) -> None:
    views = sorted(own_tree.rglob("*.png"))
    views[0].write_bytes(b"")
    views[1].write_bytes(views[1].read_bytes()[:-30])
    views[2].write_text("version https://git-lfs.github.com/spec/v1\n")
    damaged = bytearray(views[3].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    views[3].write_bytes(damaged)

    result = ingest(own_tree, tmp_path / "lake")
    assert result.returncode == 0
    assert f"{len(views) - 4} views, 4 rejected" in result.stdout
    lake = open_lake(tmp_path / "lake")
    reasons = {row["path"]: row["reason"] for row in lake.rejects.iter_rows(named=True)}
    assert reasons == {
        views[0].relative_to(own_tree).as_posix(): "empty",
        views[1].relative_to(own_tree).as_posix(): "truncated",
        views[2].relative_to(own_tree).as_posix(): "lfs_pointer",
        views[3].relative_to(own_tree).as_posix(): "corrupt",
    }
    assert not set(reasons) & set(lake.manifest["view_id"])


def test_patients_who_share_an_image_are_one_group(own_tree: Path, tmp_path: Path) -> None:
    studies = sorted((own_tree / "train").rglob("image1.png"))
    first, last = studies[0], studies[-1]
    shutil.copy(first, last)
    assert ingest(own_tree, tmp_path / "lake").returncode == 0
    manifest = open_lake(tmp_path / "lake").manifest
    tied = manifest.filter(pl.col("group") != pl.col("patient_id"))
    numbers = [int(path.parent.parent.name.removeprefix("patient")) for path in (first, last)]
    assert min(numbers) != max(numbers)
    assert set(tied["patient_id"]) == {max(numbers)}
    assert set(tied["group"]) == {min(numbers)}


@pytest.mark.parametrize(
    "name", ["thesis.txt", ".git/HEAD", "shards/mine/data.tar", "rejects/a.csv"]
)
def test_a_folder_with_other_things_is_not_touched(
    own_tree: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "documents"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("years of work")
    result = ingest(own_tree, folder)
    assert result.returncode == 1
    assert name in result.stderr
    assert file_contents(folder) == {name: b"years of work"}


def test_a_damaged_lake_is_made_whole_again(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    whole = contents(root)
    next(root.rglob("*.tfrecord")).unlink()
    table = next(root.rglob("*.parquet"))
    table.write_bytes(table.read_bytes()[:-1])
    (root / "lake.json").write_text("{}")
    assert ingest(own_tree, root).returncode == 0
    assert contents(root) == whole


@pytest.mark.slow
def test_a_lake_of_several_shards_a_partition_is_whole(tmp_path: Path) -> None:
    study = tmp_path / "MURA-v1.1/train/XR_HAND/patient00001/study1_positive"
    study.mkdir(parents=True)
    for index in range(40):
        pixels = np.full((2048, 2048), index, np.uint8)
        # a picture of one grey level is rejected
        pixels[0, 0] = index + 1
        cv2.imwrite(str(study / f"image{index}.png"), pixels)
    root = tmp_path / "lake"
    assert call("mura-ingest", tmp_path, f"lake={root}", "size=2048").returncode == 0
    manifest = open_lake(root).manifest
    assert manifest["shard"].n_unique() > 2
    assert (
        manifest.select(
            pl.col("mean").round() == pl.col("view_id").str.extract(r"(\d+)\.png").cast(pl.Float64)
        )
        .to_series()
        .all()
    )
    assert call("mura-verify", f"lake={root}").returncode == 0


def test_linked_folders_are_part_of_the_tree(own_tree: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for split in ("train", "valid"):
        (linked / split).symlink_to(own_tree / split)
    for tree in (own_tree, linked):
        assert ingest(tree, tmp_path / f"lake-{tree.name}").returncode == 0
    assert contents(tmp_path / "lake-linked") == contents(tmp_path / f"lake-{own_tree.name}")
