"""The scan: what a tree becomes, what is ignored, and where index and tree differ."""

import os
import re
from pathlib import Path

import pytest

from ingest.scan.index_comparison import compare_with_index
from ingest.scan.scan_tree import scan_tree
from ingest.sources.folders import FoldersLayout
from ingest.sources.mura import MuraLayout
from shared.errors import SourceError
from shared.storage.local import Folder

VIEW = "train/XR_HAND/patient00003/study1_positive/image1.png"
VIEWS = [
    VIEW,
    "train/XR_HAND/patient00003/study1_positive/image2.png",
    "train/XR_WRIST/patient00003/study2_negative/image1.png",
    "valid/XR_ELBOW/patient11185/study1_negative/image11.png",
]
OUTSIDE = "images outside of the layout"
NO_VIEWS = {
    "train/XR_HAND/patient00003/study1_positive/._image1.png": "AppleDouble files",
    "._train": "AppleDouble files",
    "train/.DS_Store": ".DS_Store",
    "train/XR_HAND/patient00003/study1_positive/Thumbs.db": "thumbnails",
    "train/XR_HAND/patient00003/study1_positive/image1_thumbnail.png": "thumbnails",
    "train/XR_HAND/patient00003/study1_positive/image1_mask.png": "masks",
    "train/XR_KNEE/patient00003/study1_positive/image1.png": OUTSIDE,
    "train/XR_HAND/patient00003/study1_maybe/image1.png": OUTSIDE,
    "train/XR_HAND/patient00003/study1_positive/image1.png.part": "other files",
    "test/XR_HAND/patient00003/study1_positive/image1.png": OUTSIDE,
    "train/XR_HAND/patient٣/study1_positive/image1.png": OUTSIDE,
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
    row = views.filter(view_id=VIEW).drop("modified_ns", "changed_ns").row(0)
    study = "train/XR_HAND/patient00003/study1_positive"
    assert row == (VIEW, "train", "hand", 1, 3, study, 5)


def test_what_is_no_view_is_counted_by_kind(tmp_path: Path) -> None:
    scan = scan_tree(_tree(tmp_path, [*VIEWS, *NO_VIEWS]), MuraLayout())
    assert scan.views.height == len(VIEWS)
    expected: dict[str, int] = {}
    outside = min(path for path, kind in NO_VIEWS.items() if kind == OUTSIDE)
    for kind in NO_VIEWS.values():
        name = f"{kind}: such as {outside}" if kind == OUTSIDE else kind
        expected[name] = expected.get(name, 0) + 1
    assert scan.num_ignored == expected


def test_the_parent_folder_will_do(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "data" / "MURA-v1.1", VIEWS)
    assert scan_tree(tmp_path / "data", MuraLayout()).root == Folder(tree)
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
    assert scan.rejects["reason"].to_list() == ["broken_link"] * 2
    assert not scan.num_ignored


def test_a_link_that_leads_to_itself_is_passed(tmp_path: Path) -> None:
    tree = _tree(tmp_path, VIEWS)
    (tree / "train" / "XR_HAND" / "around").symlink_to("around")
    (tree / VIEW).with_name("image9.png").symlink_to("image9.png")
    scan = scan_tree(tree, MuraLayout())
    assert scan.views.height == len(VIEWS)
    assert scan.rejects["reason"].to_list() == ["broken_link"]
    assert scan.num_ignored == {"other files": 1}


def test_views_behind_links_are_found_once(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree", VIEWS)
    hand = tree / "train" / "XR_HAND"
    hand.rename(tmp_path / "hand")
    hand.symlink_to(tmp_path / "hand")
    (hand / "patient00004").symlink_to(hand / "patient00003")
    (tree / "other").symlink_to(tree / "valid")
    assert scan_tree(tree, MuraLayout()).views["view_id"].to_list() == sorted(VIEWS)


def test_a_folder_that_cannot_be_entered_is_named(tmp_path: Path) -> None:
    tree = _tree(tmp_path, VIEWS)
    name = "x" * 250
    here = os.open(tree / "train", os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=here)
        deeper = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    with pytest.raises(SourceError, match=r"Expected to read every folder.*/x+, File name too"):
        scan_tree(tree, MuraLayout())


def test_names_that_are_not_utf_8_are_counted(tmp_path: Path) -> None:
    tree = _tree(tmp_path, [*VIEWS, "train/abnormal/a.png"])
    (tree / "train/abnormal" / os.fsdecode(b"\xff.png")).touch()
    (tree / "train/abnormal" / os.fsdecode(b"\xff.txt")).touch()
    for layout in (MuraLayout(), FoldersLayout()):
        scan = scan_tree(tree, layout)
        assert scan.num_ignored["names that are not UTF-8"] == 1
        assert scan.rejects.select("path", "reason").rows() == [
            (r"train/abnormal/\xff.png", "name_not_utf8")
        ]


def test_only_wanted_parts_and_splits_are_scanned(tmp_path: Path) -> None:
    tree = _tree(tmp_path, [*VIEWS, *NO_VIEWS])
    (tree / "train_image_paths.csv").write_text("".join(f"MURA-v1.1/{path}\n" for path in VIEWS))
    scan = scan_tree(tree, MuraLayout(("wrist", "elbow"), ("train",)))
    assert scan.views["view_id"].to_list() == [VIEWS[2]]
    assert scan.num_ignored.get("thumbnails") is None
    assert compare_with_index(scan).is_empty()


def test_folders_of_unknown_labels_are_named(tmp_path: Path) -> None:
    paths = ["train/normal/a.png", *(f"train/{name}/{i}.png" for name in "ab" for i in range(2))]
    scan = scan_tree(_tree(tmp_path, paths), FoldersLayout())
    assert scan.views["view_id"].to_list() == ["train/normal/a.png"]
    assert scan.num_ignored == {"images in folders with an unknown label: train/a, train/b": 4}


def test_a_view_of_an_unknown_patient_is_refused(tmp_path: Path) -> None:
    tree = _tree(tmp_path, ["train/0/p1/a.png", "train/0/x/b.png", "train/0/x/a.png"])
    with pytest.raises(SourceError, match=r"2 views without a match, such as train/0/x/a\.png"):
        scan_tree(tree, FoldersLayout(patient=re.compile(r"p(\d+)")))


def test_version_1_1_is_taken_before_others(tmp_path: Path) -> None:
    for name in ("MURA-v1.0", "MURA-v1.1"):
        _tree(tmp_path / name, VIEWS)
    assert scan_tree(tmp_path, MuraLayout()).root == Folder(tmp_path / "MURA-v1.1")


@pytest.mark.parametrize("paths", [[], ["train/readme.txt"], ["notes/a.png"]])
def test_a_folder_that_is_no_mura_tree_is_refused(tmp_path: Path, paths: list[str]) -> None:
    with pytest.raises(SourceError, match=f"Expected .* Received: {tmp_path}"):
        scan_tree(_tree(tmp_path, paths), MuraLayout())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="which is not a folder"):
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

    findings = compare_with_index(scan_tree(tree, MuraLayout()))
    assert set(findings.select("kind", "path").iter_rows()) == {
        ("not_in_tree", missing),
        ("not_in_index", VIEW),
        ("label_conflict", "train/XR_HAND/patient00003/study1_positive"),
    }


def test_no_index_says_nothing(tmp_path: Path) -> None:
    assert compare_with_index(scan_tree(_tree(tmp_path, VIEWS), MuraLayout())).is_empty()
