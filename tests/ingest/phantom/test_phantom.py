import hashlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from ingest.phantom.tree import SCHEMA, plan_tree
from shared.errors import SourceError, UsageError
from trainer.report.official_valid import is_official_valid

MURA_VIEWS = {
    ("train", "elbow"): (2925, 2006),
    ("train", "finger"): (3138, 1968),
    ("train", "forearm"): (1164, 661),
    ("train", "hand"): (4059, 1484),
    ("train", "humerus"): (673, 599),
    ("train", "shoulder"): (4211, 4168),
    ("train", "wrist"): (5765, 3987),
    ("valid", "elbow"): (235, 230),
    ("valid", "finger"): (214, 247),
    ("valid", "forearm"): (150, 151),
    ("valid", "hand"): (271, 189),
    ("valid", "humerus"): (148, 140),
    ("valid", "shoulder"): (285, 278),
    ("valid", "wrist"): (364, 295),
}
NUM_VIEWS = 60


@pytest.fixture(scope="module")
def mura_plan() -> pl.DataFrame:
    return plan_tree(40_005, seed=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantom")
    return generate(PhantomOptions(out=str(out), views=NUM_VIEWS, seed=5, workers=2))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_mura_size_has_muras_views_by_split_part_and_label(mura_plan: pl.DataFrame):
    counted = {
        (split, part, label): num
        for split, part, label, num in mura_plan.group_by("split", "body_part", "label")
        .len()
        .iter_rows()
    }
    assert counted == {
        (*cell, label): num for cell, pair in MURA_VIEWS.items() for label, num in enumerate(pair)
    }


def test_mura_size_is_not_taken_for_mura(mura_plan: pl.DataFrame):
    assert not is_official_valid(mura_plan.filter(split="valid"))


@pytest.mark.parametrize(
    ("split", "num_studies", "num_patients"), [("train", 13_457, 11_184), ("valid", 1_199, 783)]
)
def test_mura_size_has_muras_studies_and_patients(
    mura_plan: pl.DataFrame, split: str, num_studies: int, num_patients: int
):
    views = mura_plan.filter(split=split)
    assert views["study_id"].n_unique() == num_studies
    assert views["patient_id"].n_unique() == num_patients


def test_mura_size_has_muras_patients_with_several_parts(mura_plan: pl.DataFrame):
    parts = (
        mura_plan.filter(split="train").group_by("patient_id").agg(pl.col("body_part").n_unique())
    )
    assert parts.filter(pl.col("body_part") > 1).height == 1_467


def test_no_patient_is_in_both_splits(mura_plan: pl.DataFrame):
    splits = mura_plan.group_by("patient_id").agg(pl.col("split").n_unique())
    assert splits["split"].max() == 1


def test_studies_are_as_large_as_muras(mura_plan: pl.DataFrame):
    sizes = mura_plan.group_by("study_id").len()["len"]
    assert sizes.is_between(1, 11).all()
    assert sizes.is_between(2, 4).sum() > 0.6 * len(sizes)


def test_patients_have_up_to_four_studies_of_a_part_some_of_both_labels(mura_plan: pl.DataFrame):
    studies = (
        mura_plan.unique("study_id")
        .group_by("patient_id", "body_part")
        .agg(pl.len(), pl.col("label").n_unique())
    )
    assert set(studies["len"]) == {1, 2, 3, 4}
    assert studies.filter(pl.col("label") == 2).height > 50


@pytest.mark.parametrize("views", [28, 29, 61, 600])
def test_smaller_plans_have_every_split_part_and_label(views: int):
    plan = plan_tree(views, seed=1)
    assert plan.height == views
    assert plan["view_id"].is_unique().all()
    assert plan.group_by("split", "body_part", "label").len().height == 28
    assert dict(plan.schema) == SCHEMA


def test_plans_scale_muras_shares():
    plan = plan_tree(4_000, seed=1)
    assert plan.filter(split="train").height == pytest.approx(3_680, abs=15)
    assert plan["patient_id"].n_unique() == pytest.approx(1_197, rel=0.02)
    assert plan["study_id"].n_unique() == pytest.approx(1_466, rel=0.02)


def test_plan_is_a_function_of_views_and_seed():
    assert plan_tree(200, seed=3).equals(plan_tree(200, seed=3))
    assert not plan_tree(200, seed=3).equals(plan_tree(200, seed=4))


def test_lesions_are_planned_in_each_abnormal_study_and_in_no_other(mura_plan: pl.DataFrame):
    shown = mura_plan.group_by("study_id").agg(
        pl.col("label").first(), pl.col("lesion").count().alias("num_lesions")
    )
    assert (shown.filter(label=1)["num_lesions"] > 0).all()
    assert (shown.filter(label=0)["num_lesions"] == 0).all()
    assert set(mura_plan["lesion"].drop_nulls()) == {"fracture", "fragment", "hardware"}


@pytest.mark.slow
def test_same_seed_gives_the_same_bytes_for_any_number_of_workers(root: Path, tmp_path: Path):
    again = generate(PhantomOptions(out=str(tmp_path), views=NUM_VIEWS, seed=5, workers=1))
    assert digests(again.parent) == digests(root.parent)


@pytest.mark.slow
def test_another_seed_gives_other_images(root: Path, tmp_path: Path):
    other = generate(PhantomOptions(out=str(tmp_path), views=28, seed=6, workers=1))
    pngs = {d for name, d in digests(other).items() if name.endswith(".png")}
    assert len(pngs) == 28
    assert pngs.isdisjoint(digests(root).values())


def test_index_files_are_those_of_the_tree(root: Path):
    for split in ("train", "valid"):
        paths = (root / f"{split}_image_paths.csv").read_bytes().decode()
        found = sorted(str(p.relative_to(root.parent)) for p in (root / split).rglob("*.png"))
        assert paths == "".join(f"{path}\n" for path in found)
        studies = (root / f"{split}_labeled_studies.csv").read_bytes().decode()
        folders = sorted({path.rsplit("/", 1)[0] for path in found})
        labels = ["01"[folder.endswith("_positive")] for folder in folders]
        assert studies == "".join(
            f"{f}/,{label}\n" for f, label in zip(folders, labels, strict=True)
        )


def test_nothing_but_tree_and_lesions_is_left(root: Path):
    assert {path.name for path in root.parent.iterdir()} == {"MURA-v1.1", "lesions.csv"}
    assert sum(1 for _ in root.rglob("*.png")) == NUM_VIEWS


def test_files_are_like_muras(root: Path):
    plan = plan_tree(NUM_VIEWS, seed=5)
    channels: Counter[int] = Counter()
    for view_id, num_channels in plan.select("view_id", "channels").iter_rows():
        image = cv2.imread(str(root / view_id), cv2.IMREAD_UNCHANGED)
        assert image.dtype == np.uint8
        assert max(image.shape[:2]) == 512
        assert min(image.shape[:2]) >= 90
        assert image.std() > 8
        channels[num_channels] += 1
        if num_channels == 3:
            assert image.shape[2] == 3
            assert (image == image[:, :, :1]).all()
        else:
            assert image.ndim == 2
    assert set(channels) == {1, 3}


def test_lesion_boxes_lie_in_abnormal_views(root: Path):
    plan = plan_tree(NUM_VIEWS, seed=5)
    lesions = pl.read_csv(root.parent / "lesions.csv")
    assert lesions.columns == ["view_id", "kind", "x", "y", "width", "height"]
    assert lesions["view_id"].is_sorted()
    joined = lesions.join(plan, on="view_id", validate="1:1")
    assert joined.height == lesions.height == plan["lesion"].count()
    assert (joined["label"] == 1).all()
    assert (joined["kind"] == joined["lesion"]).all()
    assert ((joined["x"] >= 0) & (joined["x"] + joined["width"] <= joined["width_px"])).all()
    assert ((joined["y"] >= 0) & (joined["y"] + joined["height"] <= joined["height_px"])).all()
    assert (joined["width"] > 0).all()
    assert (joined["height"] > 0).all()
    abnormal = plan.filter(label=1)["study_id"].unique()
    assert set(joined["study_id"]) == set(abnormal)


def test_an_existing_tree_is_refused(root: Path):
    before = digests(root.parent)
    with pytest.raises(SourceError, match=r"Received: out="):
        generate(PhantomOptions(out=str(root.parent), views=28))
    assert digests(root.parent) == before


def test_what_a_killed_run_left_is_removed(tmp_path: Path):
    left = tmp_path / ".MURA-v1.1.partial" / "train"
    left.mkdir(parents=True)
    (left / "stray.png").write_bytes(b"")
    (tmp_path / "MURA-v1.1").mkdir()
    root = generate(PhantomOptions(out=str(tmp_path), views=28, workers=1))
    assert not (root / "train/stray.png").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"MURA-v1.1", "lesions.csv"}


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"views": 27}, "views=27"),
        ({"seed": -1}, "seed=-1"),
        ({"workers": 0}, "workers=0"),
    ],
)
def test_options_out_of_bounds_are_refused(options: dict[str, int], received: str):
    with pytest.raises(UsageError, match=f"Received: {received}"):
        PhantomOptions(**options)  # pyright: ignore[reportArgumentType]  # one of them is a string


def test_one_part_has_as_many_views_as_in_mura():
    plan = plan_tree(1_560, seed=0, parts=("humerus",))
    assert set(plan["body_part"]) == {"humerus"}
    counts = plan.group_by("split", "label").len().sort("split", "label")["len"].to_list()
    assert counts == [673, 599, 148, 140]
    assert plan["study_id"].n_unique() > plan["patient_id"].n_unique() > 600
