"""MURA's layout: what its paths say, and which folders are wanted."""

from pathlib import Path

import pytest

from ingest.sources.layout import NoView, UnknownLayoutError, View
from ingest.sources.mura import MuraLayout
from shared.storage.local import Folder
from tests.ingest.sources.paths import parse

STUDY = "train/XR_HAND/patient00003/study1_positive"


@pytest.mark.parametrize(
    ("path", "view"),
    [
        (f"{STUDY}/image1.png", View("train", "hand", 1, 3, STUDY)),
        (
            "valid/XR_ELBOW/patient11185/study2_negative/image11.png",
            View("valid", "elbow", 0, 11185, "valid/XR_ELBOW/patient11185/study2_negative"),
        ),
        (f"{STUDY}/image1.PNG", View("train", "hand", 1, 3, STUDY)),
        (f"{STUDY}/image1.jpg", View("train", "hand", 1, 3, STUDY)),
        (
            "Train/XR_Hand/patient3/Study1_Positive/image1.jpeg",
            View("train", "hand", 1, 3, "Train/XR_Hand/patient3/Study1_Positive"),
        ),
    ],
)
def test_a_view(path: str, view: View) -> None:
    assert parse(MuraLayout(), path) == view


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{STUDY}/._image1.png", "AppleDouble files"),
        ("._train", "AppleDouble files"),
        ("train/.DS_Store", ".DS_Store"),
        (f"{STUDY}/Thumbs.db", "thumbnails"),
        (f"{STUDY}/image1_mask.png", "masks"),
        ("valid_labeled_studies.csv", "index files"),
        (f"{STUDY}/image1\udcff.png", "names that are not UTF-8"),
        (f"{STUDY}/image1.png\n", "other files"),
        (f"{STUDY}/image1.bmp", "other files"),
        (
            f"{STUDY.removesuffix('_positive')}/image1.png",
            "images of studies without a label in their name "
            "(label_from=index or label_from=FILE.csv)",
        ),
        (f"{STUDY}/deeper/image1.png", "other files"),
        ("train/XR_KNEE/patient00003/study1_positive/image1.png", "other files"),
        ("train/XR_HAND/patient٣/study1_positive/image1.png", "other files"),
        (f"train/XR_HAND/patient{10**18}/study1_positive/image1.png", "other files"),
        ("image1.png", "other files"),
    ],
)
def test_no_view(path: str, kind: str) -> None:
    assert parse(MuraLayout(), path) == NoView(kind)


def test_a_label_from_elsewhere_needs_none_in_the_name() -> None:
    study = "train/XR_HAND/patient00003/study1"
    layout = MuraLayout(label_from="index")
    assert parse(layout, f"{study}/image1.png") == View("train", "hand", None, 3, study)
    assert layout.not_in_paths == ("label",)


@pytest.mark.parametrize("above", ["", "MURA-v1.1/", "download/MURA/", "a/b/"])
def test_the_root_is_found_below_other_folders(tmp_path: Path, above: str) -> None:
    root = tmp_path / above
    (root / "Train" / "XR_HAND").mkdir(parents=True)
    assert MuraLayout().find_root(Folder(tmp_path)) == Folder(root)


def test_several_roots_are_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "train" / "XR_HAND").mkdir(parents=True)
    with pytest.raises(UnknownLayoutError, match=r"which contains one, two$"):
        MuraLayout().find_root(Folder(tmp_path))


def test_only_wanted_folders_are_entered() -> None:
    layout = MuraLayout(("hand",), ("valid",))
    entered = {"valid", "valid/XR_HAND", "valid/XR_KNEE", "valid/XR_HAND/patient00001", "notes"}
    assert all(map(layout.enters, entered))
    assert not any(map(layout.enters, ("Train", "valid/XR_WRIST", "valid/XR_ELBOW")))
