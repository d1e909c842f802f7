"""Other radiographs than MURA's, in folders by split and label: from tree to trained model."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from shared.lake.open import open_lake
from tests.commands import call, run

pytestmark = pytest.mark.slow

WORDS = ("layout=folders", "size=32", "workers=2")
PATIENT = r"patient=patient(\d+)"


@pytest.fixture
def folders(phantom_tree: Path, tmp_path: Path) -> Path:
    """The phantom elbows and humeri as `train/Normal/XR_ELBOW-patient00001/study1-image1.png`."""
    tree = tmp_path / "bones"
    for path in [
        *phantom_tree.rglob("XR_ELBOW/**/*.png"),
        *phantom_tree.rglob("XR_HUMERUS/**/*.png"),
    ]:
        split, part, patient, study, image = path.relative_to(phantom_tree).parts
        label = "Normal" if study.endswith("negative") else "ABNORMAL"
        split = {"valid": "val"}.get(split, split)
        to = tree / split / label / f"{part}-{patient}" / f"{study}-{image}"
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    return tree


def test_from_folders_to_a_report(folders: Path, tmp_path: Path) -> None:
    (folders / "train" / "unsure").mkdir()
    (folders / "train" / "unsure" / "a.png").touch()
    views = sorted(folders.rglob("*.png"))
    broken = folders / "val" / "Normal" / "patient77" / "a.PNG"
    broken.parent.mkdir()
    broken.touch()
    lake = tmp_path / "lake"
    made = call("mura-ingest", folders, f"lake={lake}", *WORDS, PATIENT)
    assert made.returncode == 0, made.stderr
    assert "1 ignored: images in folders with an unknown label: train/unsure" in made.stderr
    assert "counts as a patient" not in made.stderr
    last = [line.split() for line in made.stdout.splitlines() if "valid" in line]
    assert [(row[1], row[2], row[-1]) for row in last[:2]] == [
        ("other", "normal", "1"),
        ("other", "abnormal", "0"),
    ]

    manifest = open_lake(lake).manifest
    assert set(manifest["view_id"]) == {
        path.relative_to(folders).as_posix() for path in views if "unsure" not in path.parts
    }
    assert manifest["body_part"].unique().to_list() == ["other"]
    number = pl.col("view_id").str.extract(r"patient(\d+)")
    assert manifest.filter(number.cast(pl.Int64) != pl.col("patient_id")).is_empty()
    assert manifest.filter(pl.col("study_id").str.split("/").list.get(2) != number).is_empty()
    assert call("mura-verify", f"lake={lake}").returncode == 0

    words = (f"lake={lake}", "epochs=1", f"out={tmp_path / 'run'}", "part=other", "model=cnn2")
    trained = run("mura-train", *words)
    assert trained.returncode == 0, trained.stderr
    assert "Other" in (tmp_path / "run" / "report.html").read_text()


def test_what_a_path_says_is_learnt_anew(folders: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    alone = call("mura-ingest", folders, f"lake={lake}", *WORDS)
    assert alone.returncode == 0, alone.stderr
    assert "each PNG or JPEG file counts as a patient" in alone.stderr
    views = open_lake(lake).manifest
    assert views["patient_id"].n_unique() == views.height
    assert views["study_id"].equals(views["view_id"])

    words = (PATIENT, "body_part=elbow", "splits=valid")
    again = call("mura-ingest", folders, f"lake={lake}", *WORDS, *words)
    assert again.returncode == 0, again.stderr
    elbows = open_lake(lake).manifest
    assert elbows.select("split", "body_part").unique().rows() == [("valid", "elbow")]
    assert elbows["patient_id"].n_unique() < elbows.height == views.filter(split="valid").height


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("patient=(", "Expected patient to be a regular expression. Received: patient=("),
        (
            "splits=train,test",
            "Expected splits to be all, or a comma-separated list of train, valid",
        ),
        ("parts=wrist", "Expected parts only with layout=mura. Received: parts=wrist"),
        ("patient=nobody", "Expected patient= to match the path of every view"),
    ],
)
def test_what_folders_have_not_is_refused(folders: Path, word: str, message: str) -> None:
    refused = call("mura-ingest", folders, "layout=folders", word)
    assert refused.returncode == (1 if word == "patient=nobody" else 2)
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("word", ["body_part=wrist", r"patient=\d+"])
def test_what_mura_has_not_is_refused(phantom_tree: Path, word: str) -> None:
    refused = call("mura-ingest", phantom_tree, word)
    assert refused.returncode == 2
    assert "only with layout=folders or table. Received: " + word in refused.stderr


def test_parts_and_splits_of_mura(phantom_tree: Path, tmp_path: Path) -> None:
    words = (f"lake={tmp_path / 'lake'}", "size=16", "parts=wrist,hand", "splits=valid")
    made = call("mura-ingest", phantom_tree, *words)
    assert made.returncode == 0, made.stderr
    assert "_in_index" not in made.stdout
    pairs = open_lake(tmp_path / "lake").manifest.select("split", "body_part").unique()
    assert set(pairs.rows()) == {("valid", "hand"), ("valid", "wrist")}
    refused = call("mura-ingest", phantom_tree, "parts=wrists")
    assert refused.returncode == 2
    assert "Expected parts to be all, or a comma-separated list of elbow, finger" in refused.stderr
