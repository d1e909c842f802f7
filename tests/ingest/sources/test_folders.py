"""Folders by split and label: names of splits and labels, patients, and what is no view."""

import re
from pathlib import Path

import pytest

from ingest.sources.folders import FoldersLayout
from ingest.sources.layout import NO_PATIENT, NoView, View
from shared.errors import SourceError
from shared.storage.local import Folder
from tests.ingest.sources.paths import parse


@pytest.mark.parametrize(
    ("path", "split", "label"),
    [
        ("train/abnormal/a.png", "train", 1),
        ("Train/NORMAL/a.PNG", "train", 0),
        ("val/0/deep/er/a.jpg", "valid", 0),
        ("validation/1/a.jpeg", "valid", 1),
        ("test/Positive/a.b.JPEG", "valid", 1),
        ("valid/negative/\N{HANGUL SYLLABLE GA} .png", "valid", 0),
    ],
)
def test_a_view_without_a_pattern_is_a_patient_of_its_own(
    path: str, split: str, label: int
) -> None:
    view = parse(FoldersLayout("wrist"), path)
    assert isinstance(view, View)
    assert (view.split, view.body_part, view.label, view.study_id) == (split, "wrist", label, path)
    others = {parse(FoldersLayout(), path.replace("a", letter)) for letter in "bcd"}
    assert view.patient_id not in {other.patient_id for other in others if isinstance(other, View)}


@pytest.mark.parametrize(
    ("pattern", "below", "text", "number"),
    [
        (r"p(\d+)", "p0012/a.png", "0012", 12),
        (r"\d+", "x/7-8.png", "7", 7),
        (r"(\d+)_(\d+)", "3_4.png", "3", 3),
        (r"\d+", f"{10**18 - 1}.png", f"{10**18 - 1}", 10**18 - 1),
        (r"\d+", f"{'0' * 30}5.png", f"{'0' * 30}5", 5),
        (r"\w+", "anna/a.png", "anna", 7503624139547223366),
        (r"\d+", f"{10**18}.png", f"{10**18}", None),
        (r"\d+", "٣.png", "٣", None),
    ],
)
def test_a_pattern_finds_the_patient(
    pattern: str, below: str, text: str, number: int | None
) -> None:
    view = parse(FoldersLayout(patient=re.compile(pattern)), f"val/1/{below}")
    assert isinstance(view, View)
    assert view.study_id == f"valid/abnormal/{text}"
    assert 0 <= view.patient_id < 2**63
    assert number is None or view.patient_id == number


@pytest.mark.parametrize("pattern", [r"q(\d+)", r"train", r"(\d*)", r"(b)?a", r"abnormal"])
def test_a_pattern_that_finds_nothing_is_told(pattern: str) -> None:
    layout = FoldersLayout(patient=re.compile(pattern))
    assert parse(layout, "train/abnormal/a.png") is NO_PATIENT


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("train/benign/a.png", NoView("images in folders with an unknown label", "train/benign")),
        ("train/benign/readme.txt", NoView("other files")),
        ("train/a.png", NoView("other files")),
        ("a.png", NoView("other files")),
        ("notes/normal/a.png", NoView("other files")),
        ("train/normal/a.tif", NoView("other files")),
        ("train/normal/.png", NoView("other files")),
        ("train/normal/._a.png", NoView("AppleDouble files")),
        ("train/normal/masks/a.png", NoView("masks")),
        ("train/normal/a_Thumbnail.jpg", NoView("thumbnails")),
        ("train/normal/.thumbs/a.jpg", NoView("thumbnails")),
        ("train/normal/\udcff/a.png", NoView("names that are not UTF-8")),
        ("train/\udcff/a.png", NoView("names that are not UTF-8")),
    ],
)
def test_no_view(path: str, expected: NoView) -> None:
    assert parse(FoldersLayout(), path) == expected


@pytest.mark.parametrize("path", ["left_thumb/a.png", "thumb_0.png", "unmasked/a.png"])
def test_a_thumb_is_a_finger(path: str) -> None:
    assert isinstance(parse(FoldersLayout(), f"train/normal/{path}"), View)


def test_one_folder_a_split(tmp_path: Path) -> None:
    tree = Folder(tmp_path)
    for name in ("train", "val", "test"):
        (tmp_path / name).mkdir()
    with pytest.raises(SourceError, match=r"one folder for the split valid\. .*test and val in"):
        FoldersLayout().find_root(tree)
    assert FoldersLayout(splits=("train",)).find_root(tree) == tree
    (tmp_path / "val").rmdir()
    assert FoldersLayout().find_root(tree) == tree


def test_some_split_must_be_there(tmp_path: Path) -> None:
    tree = Folder(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(SourceError, match="contains valid or val or validation or test"):
        FoldersLayout(splits=("valid",)).find_root(tree)


def test_only_wanted_folders_are_entered() -> None:
    layout = FoldersLayout(splits=("valid",))
    assert layout.enters("test")
    assert layout.enters("valid/train")
    assert not layout.enters("Train")
