"""Labels of MURA from index files or corrections; both labels are kept."""

import json
from pathlib import Path

import polars as pl
import pytest

from ingest.options import IngestOptions
from ingest.scan.index_comparison import compare_with_index
from ingest.scan.read_source import read_source
from ingest.scan.scan_tree import Scan
from shared.errors import SourceError
from shared.lake.manifest import PUBLISHED
from shared.lake.open import open_lake
from tests.commands import call
from tests.ingest.test_scan_table import Writer, encoded

STUDIES = {
    "train/XR_HAND/patient00003/study1_positive": 1,
    "train/XR_WRIST/patient00003/study2_negative": 0,
    "valid/XR_WRIST/patient00004/study1_negative": 0,
}
BARE = [study.rpartition("_")[0] for study in STUDIES]


def make(tree: Path, studies: list[str]) -> Path:
    for study in studies:
        (tree / study).mkdir(parents=True)
        (tree / study / "image1.png").write_bytes(b"12345")
    return tree


def index(tree: Path, studies: dict[str, int]) -> None:
    for split in ("train", "valid"):
        lines = [f"MURA-v1.1/{s}/,{label}" for s, label in studies.items() if s.startswith(split)]
        (tree / f"{split}_labeled_studies.csv").write_text("\n".join(lines))


def scan(tree: Path, label_from: object) -> Scan:
    return read_source(IngestOptions(str(tree), label_from=str(label_from)))


def labels(scan: Scan) -> list[tuple[int, int]]:
    assert scan.published is not None
    joined = scan.views.join(scan.published, on="view_id", maintain_order="left")
    return joined.select("label", PUBLISHED).rows()


@pytest.mark.parametrize("studies", [[*STUDIES], BARE], ids=["named", "bare"])
def test_labels_of_the_index(tmp_path: Path, studies: list[str]) -> None:
    tree = make(tmp_path, studies)
    index(tree, {**STUDIES, [*STUDIES][1]: 1})
    found = scan(tree, "index")
    assert [label for label, _ in labels(found)] == [1, 1, 0]
    published = [1, 0, 0] if studies != BARE else [1, 1, 0]
    assert [label for _, label in labels(found)] == published
    assert compare_with_index(found).is_empty()
    corrected = [("label_corrected", studies[1], "published as normal")] * (studies != BARE)
    assert found.findings.rows() == corrected


CORRECTIONS: dict[str, str] = {
    "as the index": "MURA-v1.1/train/XR_WRIST/patient00003/study2_negative/,1",
    "bare": "path,label\nXR_WRIST/patient3/study2,abnormal",
    "with the split": "train/XR_WRIST/patient00003/study2;1.0",
    "of its view": "0,XR_WRIST/patient00003/study2_negative/image1.png,TRUE",
    "Windows": '"D:\\MURA\\train\\XR_WRIST\\patient00003\\study2"\t"positive"',
    "label first": "1,XR_WRIST/patient00003/study2",
}


@pytest.mark.parametrize("text", CORRECTIONS.values(), ids=CORRECTIONS)
@pytest.mark.parametrize("studies", [[*STUDIES], BARE], ids=["named", "bare"])
def test_corrections_in_a_file(tmp_path: Path, studies: list[str], text: str) -> None:
    tree = make(tmp_path / "MURA-v1.1", studies)
    index(tree, STUDIES)
    (tmp_path / "new.csv").write_text(text)
    found = scan(tree, tmp_path / "new.csv")
    assert labels(found) == [(1, 1), (1, 0), (0, 0)]
    assert found.findings.rows() == [("label_corrected", studies[1], "published as normal")]
    assert found.layout.to_json() == {"name": "mura", "label_from": "new.csv"}


def test_a_study_without_any_label_is_rejected(tmp_path: Path) -> None:
    tree = make(tmp_path / "tree", BARE)
    (tmp_path / "new.csv").write_text(f"{BARE[0]},1\n{BARE[1]},unsure")
    found = scan(tree, tmp_path / "new.csv")
    assert found.views["study_id"].to_list() == BARE[:1]
    assert found.rejects["reason"].to_list() == ["no_label"] * 2
    with pytest.raises(SourceError, match=r"label_from=index or label_from=FILE\.csv"):
        scan(tree, "folder")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("XR_HAND/patient9/study1,1", "it names no view or study of the tree in 1 line;"),
        ("XR_HAND/patient3/study1,1\nXR_HAND/patient03/study1,0", "two labels of train/xr_hand"),
        ("XR_HAND/patient3/study1,maybe", "in 1 line;"),
    ],
)
def test_a_file_that_corrects_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    tree = make(tmp_path / "tree", [*STUDIES])
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(SourceError, match=said):
        scan(tree, tmp_path / "new.csv")


def test_no_file_of_labels(tmp_path: Path) -> None:
    tree = make(tmp_path / "tree", [*STUDIES])
    with pytest.raises(SourceError, match="Expected labels in train_labeled"):
        scan(tree, "index")
    with pytest.raises(SourceError, match=r"none\.csv, which does not exist"):
        scan(tree, tmp_path / "none.csv")


@pytest.mark.parametrize("writer", [encoded("utf-16", "\t"), encoded("utf-8-sig", ";")])
def test_an_index_of_views_saved_again_in_another_format(tmp_path: Path, writer: Writer) -> None:
    tree = make(tmp_path, [*STUDIES])
    for study in STUDIES:
        (tree / study / "image1.png").rename(tree / study / "image1.JPG")
    for split in ("train", "valid"):
        paths = [f"XR{s.partition('XR')[2]}/image1.png" for s in STUDIES if s.startswith(split)]
        writer(pl.DataFrame({"path": paths}), tree / f"{split}_image_paths.csv")
        studies = {f"Data/{s}/": bool(x) for s, x in STUDIES.items() if s.startswith(split)}
        table = pl.DataFrame({"path": [*studies], "label": [*studies.values()]})
        writer(table.with_row_index(), tree / f"{split}_labeled_studies.csv")
    found = scan(tree, "folder")
    assert found.views.height == len(STUDIES)
    assert compare_with_index(found).is_empty()


def test_a_lake_keeps_both_labels(phantom_tree: Path, tmp_path: Path) -> None:
    study = next(phantom_tree.glob("train/XR_ELBOW/*/*_negative"))
    (tmp_path / "new.csv").write_text(f"{study.relative_to(phantom_tree).as_posix()},1")
    words = (f"lake={tmp_path / 'lake'}", "size=16", "parts=elbow", "workers=1")
    made = call("mura-ingest", phantom_tree, *words, f"label_from={tmp_path / 'new.csv'}")
    assert made.returncode == 0, made.stderr
    num_views = len([*study.iterdir()])
    manifest = open_lake(tmp_path / "lake").manifest
    changed = manifest.filter(pl.col("label") != pl.col(PUBLISHED))
    assert changed.select("label", PUBLISHED).rows() == [(1, 0)] * num_views
    content = json.loads((tmp_path / "lake" / "lake.json").read_text())
    assert content["counts"]["labels_corrected"] == num_views
    verified = call("mura-verify", f"lake={tmp_path / 'lake'}", f"source={phantom_tree}")
    assert verified.returncode == 0, verified.stderr
    assert "not verified: label;" in verified.stdout
    # the labels of the folders give the lake without the column
    assert call("mura-ingest", phantom_tree, *words).returncode == 0
    assert PUBLISHED not in open_lake(tmp_path / "lake").manifest.columns
