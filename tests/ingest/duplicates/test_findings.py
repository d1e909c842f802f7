"""Contradictions of the tree become findings of the lake, and `duplicates=` says what follows."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import polars as pl
import pytest

from shared.lake.open import Lake, open_lake
from shared.lake.shard_rows import RECORD_END
from tests.commands import call
from tests.conftest import SIZE_PX

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Contradictory:
    """A tree in which several things are wrong, each path below its root."""

    root: Path
    copy_of_valid: str
    tied: tuple[str, str]
    mislabelled: str
    recoded: str
    in_both_labels: str


@pytest.fixture
def tree(phantom_tree: Path, tmp_path: Path) -> Contradictory:
    own_tree = tmp_path / "MURA-v1.1"
    for split in ("train", "valid"):
        shutil.copytree(phantom_tree / split / "XR_WRIST", own_tree / split / "XR_WRIST")
    train = sorted((own_tree / "train").rglob("image1.png"))
    valid = sorted((own_tree / "valid").rglob("image1.png"))
    normal = [path for path in train if "negative" in path.parent.name]
    names = [path.relative_to(own_tree).as_posix() for path in normal]
    shutil.copy(valid[0], normal[0])
    shutil.copy(normal[1], normal[2])
    mislabelled = normal[3].parent.relative_to(own_tree).as_posix()
    (own_tree / "train_labeled_studies.csv").write_text(
        "".join(f"MURA-v1.1/{name.rpartition('/')[0]}/,0\n" for name in names).replace(
            f"{mislabelled}/,0", f"{mislabelled}/,1"
        )
    )
    pixels = cv2.imread(str(normal[4]), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(normal[5]), pixels, (cv2.IMWRITE_PNG_COMPRESSION, 9))
    other_label = Path(str(normal[6].parent).replace("negative", "positive"))
    shutil.copytree(normal[7].parent, other_label)
    return Contradictory(
        own_tree,
        names[0],
        (names[1], names[2]),
        mislabelled,
        names[5],
        other_label.relative_to(own_tree).as_posix(),
    )


def _ingest(tree: Contradictory, root: Path, *words: str) -> tuple[int, str]:
    result = call("mura-ingest", tree.root, f"lake={root}", f"size={SIZE_PX}", *words)
    return result.returncode, result.stdout + result.stderr


def _kinds(lake: Lake, path: str) -> set[str]:
    return set(lake.findings.filter(path=path)["kind"])


def test_the_test_stays_clean_and_patients_are_tied(tree: Contradictory, tmp_path: Path) -> None:
    status, said = _ingest(tree, tmp_path / "lake")
    assert status == 0, said
    lake = open_lake(tmp_path / "lake")
    reasons = dict(lake.rejects.select("path", "reason").iter_rows())
    assert reasons.pop(tree.copy_of_valid) == "copy_of_valid"
    patient = tree.copy_of_valid.rpartition("/study")[0]
    own = {path.relative_to(tree.root).as_posix() for path in (tree.root / patient).rglob("*.png")}
    assert reasons == dict.fromkeys(own - {tree.copy_of_valid}, "patient_in_valid")
    groups = lake.manifest.filter(lake.manifest["view_id"].is_in(tree.tied))["group"]
    assert len(groups) == 2
    assert groups.n_unique() == 1

    assert _kinds(lake, tree.copy_of_valid) >= {"image_in_both_splits", "image_of_several_patients"}
    assert _kinds(lake, tree.tied[0]) == {"image_of_several_patients"}
    assert _kinds(lake, tree.mislabelled) == {"label_conflict"}
    assert "same_pixels_other_bytes" in _kinds(lake, tree.recoded)
    assert "study_with_both_labels" in _kinds(lake, tree.in_both_labels)
    counts = json.loads((lake.root / "lake.json").read_text())["counts"]
    assert counts["found"] == counts["written"] + counts["rejected"]
    assert counts["rejects_by_reason"] == {"copy_of_valid": 1, "patient_in_valid": len(own) - 1}
    assert f"rejected {len(own) - 1} as patient_in_valid, e.g. {patient}/" in said
    assert counts["findings_by_kind"]["label_conflict"] == 1
    assert "found 1 as label_conflict" in said


def test_what_is_left_out_is_in_no_shard_and_is_not_decoded_again(
    tree: Contradictory, tmp_path: Path
) -> None:
    root = tmp_path / "lake"
    assert _ingest(tree, root)[0] == 0
    lake = open_lake(root)
    shards = sorted(root.rglob("*.tfrecord"))
    # the records of the manifest fill the shards, so that no other record is in them
    assert (
        sum(shard.stat().st_size for shard in shards)
        == lake.manifest.select((RECORD_END - pl.col("record_offset")).sum()).item()
    )
    written_ns = [shard.stat().st_mtime_ns for shard in shards]
    assert _ingest(tree, root)[0] == 0
    assert [shard.stat().st_mtime_ns for shard in shards] == written_ns
    assert open_lake(root).digest == lake.digest
    assert call("mura-verify", f"lake={root}").returncode == 0


def test_drop_keeps_one_copy_and_no_contradicted_label(tree: Contradictory, tmp_path: Path) -> None:
    status, said = _ingest(tree, tmp_path / "lake", "duplicates=drop")
    assert status == 0, said
    lake = open_lake(tmp_path / "lake")
    reasons = dict(lake.rejects.select("path", "reason").iter_rows())
    assert reasons[tree.copy_of_valid] == "copy_of_valid"
    assert reasons[tree.tied[1]] == "duplicate"
    assert tree.tied[0] not in reasons
    assert reasons[f"{tree.mislabelled}/image1.png"] == "contradictory_label"
    assert reasons[f"{tree.in_both_labels}/image1.png"] == "contradictory_label"
    assert lake.manifest["pixel_digest"].is_unique().all()
    found = len(list(tree.root.rglob("*.png")))
    assert lake.manifest.height + lake.rejects.height == found


def test_what_is_left_out_still_ties_its_patients(tree: Contradictory, tmp_path: Path) -> None:
    own = tree.root / tree.tied[1]
    pixels = cv2.imread(str(own), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(own.with_name("image77.png")), cv2.flip(pixels, 1))
    assert _ingest(tree, tmp_path / "lake", "duplicates=drop")[0] == 0
    lake = open_lake(tmp_path / "lake")
    assert lake.rejects.filter(path=tree.tied[1])["reason"].to_list() == ["duplicate"]
    kept = lake.manifest.filter(view_id=tree.tied[0])
    patient = int(tree.tied[1].split("/")[2].removeprefix("patient"))
    others = lake.manifest.filter(patient_id=patient)
    assert not others.is_empty()
    assert set(others["group"]) == set(kept["group"])


def test_a_copy_survives_whose_other_is_contradicted(tree: Contradictory, tmp_path: Path) -> None:
    first = tree.root / tree.mislabelled / "image1.png"
    clean = tree.root / tree.tied[1]
    shutil.copy(first, clean)
    assert _ingest(tree, tmp_path / "lake", "duplicates=drop")[0] == 0
    assert tree.tied[1] in open_lake(tmp_path / "lake").manifest["view_id"].to_list()


def test_fail_stops_and_leaves_no_lake(tree: Contradictory, tmp_path: Path) -> None:
    status, said = _ingest(tree, tmp_path / "lake", "duplicates=fail")
    assert status == 1
    assert "Expected one label and one patient for each image (duplicates=fail)" in said
    assert not (tmp_path / "lake" / "lake.json").exists()


def test_rejects_are_allowed_up_to_a_limit(own_tree: Path, tmp_path: Path) -> None:
    views = sorted(own_tree.rglob("*.png"))
    for path in views[:3]:
        path.write_bytes(b"")

    def status_of(*words: str) -> tuple[int, str]:
        words = (f"lake={tmp_path / 'lake'}", f"size={SIZE_PX}", *words)
        result = call("mura-ingest", own_tree, *words)
        return result.returncode, result.stderr

    status, said = status_of("max_rejects=0")
    assert status == 1
    assert "Expected at most 0 rejected files. Received: " in said.splitlines()[-1]
    status, said = status_of("max_rejects=2")
    assert status == 1
    assert "Received: 3 so far (3 empty), such as" in said.splitlines()[-1]
    assert status_of("max_rejects=3")[0] == 0
