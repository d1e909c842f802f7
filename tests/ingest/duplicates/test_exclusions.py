"""No patient, image or group is on both sides of train and valid, however a tree mixes them."""

import itertools
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duplicates.exclusions import leave_out, refuse
from ingest.duplicates.findings import find_in_images, find_in_tree
from ingest.duplicates.groups import group_patients
from ingest.options import Duplicates
from shared.errors import SourceError
from shared.lake.open import Lake, open_lake
from tests.commands import call
from tests.ingest.processes import ingest
from tests.shared.images.make_png import chunk, png
from trainer.data.split import draw_folds

Image = npt.NDArray[np.uint8]

GREYS = chunk(b"PLTE", bytes(level for level in range(256) for _ in range(3)))


def compressed(pixels: Image) -> bytes:
    return cv2.imencode(".png", pixels, (cv2.IMWRITE_PNG_COMPRESSION, 9))[1].tobytes()


RECODED: dict[str, Callable[[Image], bytes]] = {
    "another compression": compressed,
    "RGB": lambda pixels: png(np.stack([pixels] * 3, axis=2), colour=2),
    "palette": lambda pixels: png(pixels, colour=3, before=GREYS),
    "interlaced": lambda pixels: png(pixels, interlaced=True),
    "16 bits": lambda pixels: png(pixels.astype(np.uint16) << 8, depth=16),
    "a comment": lambda pixels: png(pixels, before=chunk(b"tEXt", b"Comment\0again")),
    "stored": lambda pixels: png(pixels, stream=zlib.compress(rows(pixels), 0)),
}


def rows(pixels: Image) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


@pytest.fixture
def recoded(own_tree: Path) -> dict[Path, str]:
    """Train views that are made valid images in another encoding."""
    train, valid = (sorted((own_tree / split).rglob("*.png")) for split in ("train", "valid"))
    copies: dict[Path, str] = {}
    for (name, recode), view, original in zip(
        RECODED.items(), train, itertools.cycle(valid), strict=False
    ):
        view.write_bytes(recode(read(original)))
        assert view.read_bytes() != original.read_bytes()
        copies[view] = name
    assert len(copies) == len(RECODED)
    return copies


@pytest.mark.parametrize("duplicates", ["group", "drop"])
def test_a_valid_image_in_another_encoding_is_not_trained_on(
    own_tree: Path, recoded: dict[Path, str], tmp_path: Path, duplicates: str
) -> None:
    made = ingest(own_tree, tmp_path / "lake", f"duplicates={duplicates}")
    assert made.returncode == 0, made.stderr
    lake = open_lake(tmp_path / "lake")
    reasons = dict(lake.rejects.select("path", "reason").iter_rows())
    for view, name in recoded.items():
        assert reasons[view.relative_to(own_tree).as_posix()] == "copy_of_valid", name
    check_splits(lake, own_tree)
    assert "same_pixels_other_bytes" in set(lake.findings["kind"])
    assert call("mura-verify", f"lake={tmp_path / 'lake'}").returncode == 0


def test_fail_stops_at_a_valid_image_in_another_encoding(
    own_tree: Path, recoded: dict[Path, str], tmp_path: Path
) -> None:
    for option in ("duplicates", "split_conflict"):
        made = ingest(own_tree, tmp_path / "lake", f"{option}=fail")
        assert made.returncode == 1
        assert f"({option}=fail). Received: " in made.stderr.splitlines()[-1]
        assert "image_in_both_splits" in made.stderr.splitlines()[-1]
        assert not (tmp_path / "lake" / "lake.json").exists()


def test_a_patient_of_both_splits_is_not_trained_on(own_tree: Path, tmp_path: Path) -> None:
    part = own_tree / "train" / "XR_HUMERUS"
    valid = own_tree / "valid" / "XR_HUMERUS"
    patient, untouched = sorted(part.iterdir())[:2]
    shutil.move(next(valid.iterdir()), valid / patient.name)
    # whoever shares an image with that patient is of the same group
    shutil.copy(next(patient.rglob("*.png")), next(untouched.rglob("*.png")))
    expected = {
        path.relative_to(own_tree).as_posix()
        for folder in (patient, untouched)
        for path in folder.rglob("*.png")
    }
    stopped = ingest(own_tree, tmp_path / "lake", "split_conflict=fail")
    assert stopped.returncode == 1
    line = stopped.stderr.splitlines()[-1]
    assert "Expected no patient or image in both splits (split_conflict=fail)" in line
    assert f"patient_in_both_splits train/XR_HUMERUS/{patient.name}/" in line
    assert "decode" not in stopped.stderr

    made = ingest(own_tree, tmp_path / "lake")
    assert made.returncode == 0, made.stderr
    lake = open_lake(tmp_path / "lake")
    rejects = lake.rejects.filter(reason="patient_in_valid")
    assert set(rejects["path"]) == expected
    assert set(rejects["detail"]) == {f"see patient {int(patient.name[7:])}"}
    assert lake.rejects.height == rejects.height
    assert f"rejected {len(expected)} as patient_in_valid, e.g. " in made.stdout
    assert "found 1 as patient_in_both_splits, e.g. " in made.stdout
    check_splits(lake, own_tree)


def check_splits(lake: Lake, tree: Path) -> None:
    manifest = lake.manifest
    for column in ("group", "patient_id", "pixel_digest"):
        splits = manifest.group_by(column).agg(pl.col("split").n_unique())
        assert splits["split"].max() == 1, column
    groups = manifest.group_by("pixel_digest").agg(pl.col("group").n_unique())
    assert groups["group"].max() == 1
    found = len(list(tree.rglob("*.png")))
    assert manifest.height + lake.rejects.height == found
    assert lake.rejects["path"].is_unique().all()
    assert not set(manifest["view_id"]) & set(lake.rejects["path"])


@pytest.mark.slow
def test_a_random_tree_is_divided_clean(phantom_tree: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    images = [read(path) for path in sorted(phantom_tree.rglob("*.png"))[:120]]
    encodings = list(RECODED.values())
    tree = tmp_path / "MURA-v1.1"
    for number in range(120):
        patient = int(random.integers(0, 40))
        is_valid = (patient < 8) != (random.random() < 0.02)
        label = ("negative", "positive")[int(random.integers(2))]
        study = tree / ("valid" if is_valid else "train") / "XR_HAND" / f"patient{patient:05}"
        study /= f"study1_{label}"
        study.mkdir(parents=True, exist_ok=True)
        index = int(random.integers(number + 1)) if random.random() < 0.15 else number
        encode = encodings[int(random.integers(len(encodings)))]
        (study / f"image{number}.png").write_bytes(encode(images[index]))
    for duplicates in ("drop", "group"):
        made = ingest(tree, tmp_path / "lake", f"duplicates={duplicates}")
        assert made.returncode == 0, made.stderr
        lake = open_lake(tmp_path / "lake")
        check_splits(lake, tree)
    train, valid = (lake.manifest.filter(split=split) for split in ("train", "valid"))
    assert {"copy_of_valid", "patient_in_valid"} == set(lake.rejects["reason"])
    assert train.height > 30
    assert valid.height == len(list((tree / "valid").rglob("*.png")))
    for fold in draw_folds(train, 3, seed=0):
        for column in ("group", "pixel_digest", "patient_id"):
            assert not set(fold.train[column]) & set(fold.held_out[column])


VIEW = st.tuples(
    st.sampled_from(("train", "train", "train", "valid")),
    st.integers(0, 1),
    st.integers(0, 12),
    st.integers(0, 25),
    st.integers(0, 2),
    st.booleans(),
)


def _row(
    number: int, split: str, label: int, patient: int, image: int, encoding: int, is_whole: bool
) -> dict[str, Any]:
    study_id = f"{split}/XR_HAND/patient{patient}/study1_{('negative', 'positive')[label]}"
    return {
        "view_id": f"{study_id}/image{number}.png",
        "split": split,
        "label": label,
        "patient_id": patient,
        "study_id": study_id,
        "pixel_digest": f"{image}",
        "source_digest": f"{image} {encoding}",
        "is_whole": is_whole,
    }


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(VIEW, min_size=1, max_size=40), st.sampled_from(get_args(Duplicates)[:2]))
def test_any_views_are_divided_clean(drawn: list[Any], duplicates: Duplicates) -> None:
    scanned = pl.DataFrame([_row(number, *view) for number, view in enumerate(drawn)])
    readable = scanned.filter("is_whole")
    tested = scanned.filter(split="valid")
    findings = pl.concat([find_in_tree(scanned), find_in_images(readable)])
    grouped = group_patients(readable)
    left_out = leave_out(grouped, tested, findings, duplicates)
    kept = grouped.join(left_out, left_on="view_id", right_on="path", how="anti")

    assert left_out["path"].is_unique().all()
    assert kept.height + left_out.height == readable.height
    for column in ("group", "pixel_digest", "patient_id"):
        splits = kept.group_by(column).agg(pl.col("split").n_unique())["split"].to_list()
        assert max(splits, default=1) == 1
    assert not set(kept.filter(split="train")["patient_id"]) & set(tested["patient_id"])
    groups = grouped.group_by("pixel_digest").agg(pl.col("group").n_unique())["group"].to_list()
    assert max(groups, default=1) == 1
    if duplicates == "drop":
        assert kept["pixel_digest"].is_unique().all()
    else:
        # nothing else is lost: a train view goes only if its group is tested
        assert set(left_out["reason"]) <= {"copy_of_valid", "patient_in_valid"}
        assert kept.filter(split="valid").height == readable.filter(split="valid").height
    # the option that stops does so exactly where something is left out for that reason
    conflicts = {"copy_of_valid", "patient_in_valid"} & set(left_out["reason"])
    if conflicts:
        with pytest.raises(SourceError, match=r"split_conflict=fail"):
            refuse(findings, "group", "fail")
