"""Verify proves a lake whole, or names what is damaged."""

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from ingest.commit import Tables, commit
from ingest.options import VerifyOptions
from ingest.verify.lake import verify_lake
from shared.counts import count
from shared.errors import CorruptLakeError, LakeError
from shared.lake.open import Lake, open_lake
from tests.commands import call
from tests.ingest.processes import ingest


@pytest.fixture(scope="session")
def lake(wrist_lake: Lake) -> Lake:
    """The lake that `own_lake` copies."""
    return wrist_lake


def test_a_whole_lake_is_whole(lake: Lake) -> None:
    result = call("mura-verify", f"lake={lake.root}")
    assert result.returncode == 0
    assert f"is intact: {lake.manifest.height:,} views" in result.stdout
    assert lake.digest in result.stdout


@pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
def test_a_flipped_byte_is_named_with_shard_and_view(own_lake: Path, place: float) -> None:
    shard = max(own_lake.rglob("*.tfrecord"), key=lambda path: path.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[int(place * len(data))] ^= 4
    shard.write_bytes(data)
    result = call("mura-verify", f"lake={own_lake}")
    assert result.returncode == 1
    assert f"{shard}, view " in result.stderr
    assert "Traceback" not in result.stderr


def test_cut_missing_and_swapped_shards_are_named(own_lake: Path) -> None:
    cut, missing, one, other = sorted(own_lake.rglob("*.tfrecord"))[:4]
    cut.write_bytes(cut.read_bytes()[:-5])
    missing.unlink()
    swapped = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(swapped)
    result = call("mura-verify", f"lake={own_lake}")
    assert result.returncode == 1
    for shard in (cut, missing, one, other):
        assert str(shard) in result.stderr
    assert "4 damaged" in result.stderr


def test_a_record_too_many_is_found(own_lake: Path) -> None:
    manifest = open_lake(own_lake).manifest
    row = manifest.filter(record_index=0).row(0, named=True)
    shard = own_lake / row["shard"]
    data = shard.read_bytes()
    shard.write_bytes(data + data[: row["image_offset"] + row["image_bytes"] + 4])
    result = call("mura-verify", f"lake={own_lake}")
    assert result.returncode == 1
    assert str(shard) in result.stderr


def _commit(root: Path, manifest: pl.DataFrame) -> None:
    lake = open_lake(root)
    commit(root, lake.image, lake.layout, Tables(manifest, lake.rejects, lake.findings))


def _with(manifest: pl.DataFrame, column: str, value: object) -> pl.DataFrame:
    """Return the manifest with another value of a column in its seventh row."""
    here = pl.int_range(pl.len()) == 6
    new = pl.lit(value, dtype=manifest.schema[column])
    return manifest.with_columns(pl.when(here).then(new).otherwise(column).alias(column))


DERIVED: list[tuple[str, object]] = [
    ("patient_id", 7),
    ("patient_id", -1),
    ("study_id", "train/XR_ELBOW/patient00007/study1_negative"),
    ("group", 7),
    ("mean", 100.0),
    ("mean", float("nan")),
    ("std", 20.0),
    ("source_bytes", 0),
    ("source_digest", "0" * 31),
    ("width_px", 0),
    ("height_px", 70_000),
    ("channels", 5),
]


@pytest.mark.parametrize(("column", "value"), DERIVED)
def test_a_wrong_value_that_was_committed_is_found(
    lake: Lake,
    own_lake: Path,
    capsys: pytest.CaptureFixture[str],
    column: str,
    value: object,
) -> None:
    _commit(own_lake, _with(lake.manifest, column, value))
    with pytest.raises(CorruptLakeError):
        verify_lake(VerifyOptions(str(own_lake)))
    said = capsys.readouterr().err
    assert column in said
    assert lake.manifest["view_id"][6] in said


@pytest.mark.parametrize("column", ["split", "body_part", "label"])
def test_a_view_in_another_partition_than_its_shard_is_refused(
    lake: Lake, own_lake: Path, column: str
) -> None:
    label = lake.manifest["label"][6]
    other = {"split": "valid", "body_part": "hand", "label": 1 - label}[column]
    with pytest.raises(CorruptLakeError, match="is not the path of a shard of"):
        _commit(own_lake, _with(lake.manifest, column, other))


def test_files_of_the_same_bytes_have_the_same_facts(
    lake: Lake, own_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _commit(own_lake, _with(lake.manifest, "source_digest", lake.manifest["source_digest"][9]))
    with pytest.raises(CorruptLakeError, match="Expected consistent tables"):
        verify_lake(VerifyOptions(str(own_lake)))
    assert "of the same source_digest with another pixel_digest" in capsys.readouterr().err


def test_a_row_that_stands_twice_is_found(
    lake: Lake, own_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _commit(own_lake, pl.concat([lake.manifest, lake.manifest[6:7]]))
    with pytest.raises(CorruptLakeError):
        verify_lake(VerifyOptions(str(own_lake)))
    assert "2 rows with the view_id of another" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("source_bytes", 1),
        ("source_digest", "0" * 32),
        ("width_px", 17),
        ("height_px", 17),
        ("channels", 4),
    ],
)
def test_the_source_shows_what_nothing_else_can(
    lake: Lake,
    own_lake: Path,
    phantom_tree: Path,
    capsys: pytest.CaptureFixture[str],
    column: str,
    value: object,
) -> None:
    _commit(own_lake, _with(lake.manifest, column, value))
    verify_lake(VerifyOptions(str(own_lake)))
    assert "checked only for their range: source_bytes, " in capsys.readouterr().out
    with pytest.raises(CorruptLakeError, match=r"Received: 1 other "):
        verify_lake(VerifyOptions(str(own_lake), str(phantom_tree)))
    assert f"{lake.manifest['view_id'][6]}: expected {column}={value}, " in capsys.readouterr().err


def test_a_lake_and_its_source_agree_until_a_file_changes(
    own_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root, "parts=humerus").returncode == 0
    verify_lake(VerifyOptions(str(root), str(own_tree)))
    assert "not verified" not in capsys.readouterr().out
    changed, broken, gone = sorted(own_tree.rglob("*.png"))[:3]
    shutil.copyfile(gone, changed)
    broken.write_bytes(b"")
    gone.unlink()
    with pytest.raises(CorruptLakeError, match=r"Received: 3 others"):
        verify_lake(VerifyOptions(str(root), str(own_tree)))
    said = capsys.readouterr().err
    assert f"damaged: {changed}: expected source_" in said
    assert f"damaged: {broken}: the file of a view is no longer a radiograph, empty" in said
    assert f"damaged: {gone}: the file of a view is missing" in said


def test_a_lake_that_does_not_record_its_layout_is_verified_as_far_as_it_goes(
    lake: Lake, own_lake: Path, phantom_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = Tables(lake.manifest, lake.rejects, lake.findings)
    commit(own_lake, lake.image, None, tables)
    verify_lake(VerifyOptions(str(own_lake)))
    assert "not verified: patient_id, study_id, group" in capsys.readouterr().out
    with pytest.raises(LakeError, match="records its layout"):
        verify_lake(VerifyOptions(str(own_lake), str(phantom_tree)))
    commit(own_lake, lake.image, {"name": "folders", "body_part": "hand", "patient": "("}, tables)
    with pytest.raises(LakeError, match="regular expression"):
        verify_lake(VerifyOptions(str(own_lake)))
    commit(own_lake, lake.image, {"name": "new"}, tables)
    with pytest.raises(LakeError, match="a layout that this version supports"):
        verify_lake(VerifyOptions(str(own_lake)))


def test_a_path_that_leaves_the_tree_is_no_view(
    lake: Lake, own_lake: Path, phantom_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = {"name": "folders", "body_part": "hand", "patient": ""}
    outside = "train/0/../../../secret.png"
    manifest = _with(lake.manifest, "view_id", outside)
    commit(own_lake, lake.image, layout, Tables(manifest, lake.rejects, lake.findings))
    with pytest.raises(CorruptLakeError, match="Expected consistent tables"):
        verify_lake(VerifyOptions(str(own_lake), str(phantom_tree)))
    said = capsys.readouterr().err
    assert f"a wrong split, such as '{outside}': received 'train', exp" in said


def test_files_beside_the_lake_are_noted(own_lake: Path) -> None:
    shard = next(own_lake.rglob("*.tfrecord"))
    shutil.copy(shard, shard.with_name(f"{'0' * 32}.tfrecord"))
    (own_lake / "shards/notes.txt").write_text("mine")
    result = call("mura-verify", f"lake={own_lake}")
    assert result.returncode == 0
    assert "not listed in lake.json: 2 files, such as shards/" in result.stderr


def test_a_lake_may_lie_in_a_folder_whose_name_is_not_utf_8(
    lake: Lake, tmp_path: Path, phantom_tree: Path
) -> None:
    root = shutil.copytree(lake.root, tmp_path / os.fsdecode(b"l\xe4ke"))
    result = call("mura-verify", f"lake={root}")
    assert result.returncode == 0, result.stderr
    assert r"l\xe4ke is intact" in result.stdout
    shard = root / lake.manifest["shard"][0]
    shard.write_bytes(shard.read_bytes()[:-1])
    result = call("mura-verify", f"lake={root}")
    assert result.returncode == 1
    assert r"l\xe4ke/shards/split=" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_group_that_only_a_copy_left_out_makes_is_derived_again(
    own_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    normal = sorted((own_tree / "train").rglob("*negative/image1.png"))
    shutil.copy(normal[0], normal[-1])
    root = tmp_path / "lake"
    assert ingest(own_tree, root, "duplicates=drop").returncode == 0
    manifest = open_lake(root).manifest
    assert normal[-1].relative_to(own_tree).as_posix() not in manifest["view_id"]
    tied = manifest.filter(pl.col("group") != pl.col("patient_id"))
    assert tied.height
    verify_lake(VerifyOptions(str(root)))
    _commit(root, manifest.with_columns(group=pl.col("patient_id")))
    with pytest.raises(CorruptLakeError, match="Expected consistent tables"):
        verify_lake(VerifyOptions(str(root)))
    said = capsys.readouterr().err
    assert f"{count(tied.height, 'views')} with a wrong group" in said
