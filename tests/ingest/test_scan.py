"""The scan: what is a view, what is ignored, and where index and tree differ."""

import os
from pathlib import Path

import pytest

from ingest.index import compare_with_index
from ingest.layouts.mura import MuraLayout
from ingest.scan import scan_tree
from shared.errors import SourceError

VIEW = "train/XR_HAND/patient00003/study1_positive/image1.png"
VIEWS = [
    VIEW,
    "train/XR_HAND/patient00003/study1_positive/image2.png",
    "train/XR_WRIST/patient00003/study2_negative/image1.png",
    "valid/XR_ELBOW/patient11185/study1_negative/image11.png",
]
NO_VIEWS = {
    "train/XR_HAND/patient00003/study1_positive/._image1.png": "AppleDouble files",
    "._train": "AppleDouble files",
    "train/.DS_Store": ".DS_Store",
    "train/XR_HAND/patient00003/study1_positive/Thumbs.db": "thumbnails",
    "train/XR_HAND/patient00003/study1_positive/image1_thumb.png": "thumbnails",
    "train/XR_HAND/patient00003/study1_positive/image1_mask.png": "masks",
    "train/XR_KNEE/patient00003/study1_positive/image1.png": "other files",
    "train/XR_HAND/patient00003/study1_maybe/image1.png": "other files",
    "train/XR_HAND/patient00003/study1_positive/image1.png.part": "other files",
    "test/XR_HAND/patient00003/study1_positive/image1.png": "other files",
    "train/XR_HAND/patient٣/study1_positive/image1.png": "other files",
    "train_image_paths.csv": "index files",
}


def _tree(root: Path, paths: list[str]) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"12345")
    return root


def test_views_become_rows(tmp_path: Path) -> None:
    views = scan_tree(_tree(tmp_path, VIEWS), MuraLayout()).views
    assert views["view_id"].to_list() == sorted(VIEWS)
    row = views.filter(view_id=VIEW).drop("modified_ns").row(0)
    study = "train/XR_HAND/patient00003/study1_positive"
    assert row == (VIEW, "train", "hand", 1, 3, study, 5)


def test_what_is_no_view_is_counted_by_kind(tmp_path: Path) -> None:
    scan = scan_tree(_tree(tmp_path, [*VIEWS, *NO_VIEWS]), MuraLayout())
    assert scan.views.height == len(VIEWS)
    expected: dict[str, int] = {}
    for kind in NO_VIEWS.values():
        expected[kind] = expected.get(kind, 0) + 1
    assert scan.num_ignored == expected


def test_the_parent_folder_will_do(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "data" / "MURA-v1.1", VIEWS)
    assert scan_tree(tmp_path / "data", MuraLayout()).root == tree
    assert scan_tree(tmp_path / "data", MuraLayout()).views.equals(
        scan_tree(tree, MuraLayout()).views
    )


def test_circular_links_and_what_is_no_file_are_passed(tmp_path: Path) -> None:
    tree = _tree(tmp_path, VIEWS)
    (tree / "train" / "loop").symlink_to(tree, target_is_directory=True)
    study = (tree / VIEW).parent
    (study / "image8.png").symlink_to("nowhere")
    os.mkfifo(study / "image9.png")
    scan = scan_tree(tree, MuraLayout())
    assert scan.views.height == len(VIEWS)
    assert scan.num_ignored == {"broken links and special files": 2}


def test_version_1_1_is_taken_before_others(tmp_path: Path) -> None:
    for name in ("MURA-v1.0", "MURA-v1.1"):
        _tree(tmp_path / name, VIEWS)
    assert scan_tree(tmp_path, MuraLayout()).root.name == "MURA-v1.1"


@pytest.mark.parametrize("paths", [[], ["train/readme.txt"], ["notes/a.png"]])
def test_a_folder_that_is_no_mura_tree_is_refused(tmp_path: Path, paths: list[str]) -> None:
    with pytest.raises(SourceError, match=f"Expected .* Received: {tmp_path}"):
        scan_tree(_tree(tmp_path, paths), MuraLayout())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no folder"):
        scan_tree(tmp_path / "missing", MuraLayout())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "header", [("", ""), ("path", "path,label"), ("\ufeffpath", "\ufeffpath,label")]
)
def test_index_and_tree_are_held_against_each_other(
    tmp_path: Path, end: str, header: tuple[str, str]
) -> None:
    tree = _tree(tmp_path, VIEWS)
    missing = "train/XR_HAND/patient00009/study1_negative/image1.png"
    listed = [*(view for view in VIEWS[1:] if view.startswith("train")), missing]
    paths = [header[0], *(f"MURA-v1.1/{path}" for path in listed)]
    studies = [
        header[1],
        "MURA-v1.1/train/XR_HAND/patient00003/study1_positive/,0",
        "MURA-v1.1/train/XR_WRIST/patient00003/study2_negative/,0",
    ]
    (tree / "train_image_paths.csv").write_bytes(end.join(paths).encode())
    (tree / "train_labeled_studies.csv").write_bytes(end.join(studies).encode())

    differences = compare_with_index(scan_tree(tree, MuraLayout()))
    assert differences.missing == [missing]
    assert differences.unlisted == [VIEW]
    assert differences.label_conflicts == ["train/XR_HAND/patient00003/study1_positive"]


def test_no_index_says_nothing(tmp_path: Path) -> None:
    differences = compare_with_index(scan_tree(_tree(tmp_path, VIEWS), MuraLayout()))
    assert differences.missing == differences.unlisted == differences.label_conflicts == []
