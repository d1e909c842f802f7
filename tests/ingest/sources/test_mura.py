"""MURA's layout: what its paths say, and which folders are wanted."""

import pytest

from ingest.sources.layout import NoView, View
from ingest.sources.mura import MuraLayout
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
        (f"{STUDY}/image1.PNG", "other files"),
        (f"{STUDY}/deeper/image1.png", "other files"),
        ("train/XR_KNEE/patient00003/study1_positive/image1.png", "other files"),
        ("train/XR_HAND/patient٣/study1_positive/image1.png", "other files"),
        (f"train/XR_HAND/patient{10**18}/study1_positive/image1.png", "other files"),
        ("image1.png", "other files"),
    ],
)
def test_no_view(path: str, kind: str) -> None:
    assert parse(MuraLayout(), path) == NoView(kind)


def test_only_wanted_folders_are_entered() -> None:
    layout = MuraLayout(("hand",), ("valid",))
    entered = {"valid", "valid/XR_HAND", "valid/XR_KNEE", "valid/XR_HAND/patient00001", "notes"}
    assert all(map(layout.enters, entered))
    assert not any(map(layout.enters, ("train", "valid/XR_WRIST", "valid/XR_ELBOW")))
