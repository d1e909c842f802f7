"""The tables of a lake, of manifests small enough to count by hand."""

import polars as pl
import pytest

from shared.errors import TrainingError
from shared.lake.manifest import FINDINGS_SCHEMA
from shared.lake.open import Lake
from trainer.data.split import draw_folds
from trainer.eda import counts, data_quality, pixels
from trainer.eda.contact_sheet import NUM_VIEWS, choose_views

# split, part, label, patient, study, group, source, pixels, width, height, brightness
ROWS = [
    ("train", "hand", 0, 1, "a", 1, "s1", "p1", 100, 200, 10.0),
    ("train", "hand", 0, 1, "a", 1, "s2", "p2", 100, 200, 20.0),
    ("train", "hand", 1, 1, "b", 1, "s3", "p3", 100, 100, 30.0),
    ("train", "wrist", 1, 2, "c", 1, "s1", "p1", 100, 200, 40.0),
    ("train", "wrist", 0, 3, "d", 3, "s4", "p4", 200, 100, 50.0),
    ("valid", "hand", 1, 4, "e", 4, "s5", "p4", 200, 100, 60.0),
]
COLUMNS = [
    "split",
    "body_part",
    "label",
    "patient_id",
    "study_id",
    "group",
    "source_digest",
    "pixel_digest",
    "width_px",
    "height_px",
    "mean",
]
MANIFEST = pl.DataFrame(ROWS, COLUMNS, orient="row")


def test_what_a_lake_lacks_of_its_own_parts_is_a_zero() -> None:
    table = counts.count_by_label(MANIFEST)
    assert table.rows() == [
        ("train", "hand", 0, 2, 1, 1),
        ("train", "hand", 1, 1, 1, 1),
        ("train", "wrist", 0, 1, 1, 1),
        ("train", "wrist", 1, 1, 1, 1),
        ("valid", "hand", 0, 0, 0, 0),
        ("valid", "hand", 1, 1, 1, 1),
        ("valid", "wrist", 0, 0, 0, 0),
        ("valid", "wrist", 1, 0, 0, 0),
    ]


def test_totals_count_a_patient_of_two_parts_once() -> None:
    table = counts.count_by_part(MANIFEST)
    assert table.filter(split="train", body_part="all").row(0)[2:] == (5, 4, 3, 2, 0.4)
    assert table.row(-1)[:5] == ("all", "all", 6, 5, 4)


def test_views_a_study_and_studies_a_patient() -> None:
    assert counts.count_views_a_study(MANIFEST).rows() == [
        ("train", 1, 3, 0.75),
        ("train", 2, 1, 0.25),
        ("valid", 1, 1, 1.0),
    ]
    assert counts.count_studies_a_patient(MANIFEST).row(1) == ("train", 2, 1, pytest.approx(1 / 3))


def test_patients_who_are_special() -> None:
    train = counts.count_patients(MANIFEST).filter(split="train").row(0, named=True)
    assert train == {
        "split": "train",
        "patients": 3,
        "several_views": 1,
        "several_studies": 1,
        "several_parts": 0,
        "both_labels": 1,
        "both_labels_of_a_part": 1,
        "shared_images": 2,
    }
    assert counts.count_patients_in_both_splits(MANIFEST) == 0
    moved = MANIFEST.with_columns(patient_id=pl.col("patient_id").replace({4: 1}))
    assert counts.count_patients_in_both_splits(moved) == 1


def test_copies_in_bytes_and_in_pixels() -> None:
    assert data_quality.count_copies(MANIFEST).rows() == [
        ("source_digest", 1, 2, 1, 0, 1),
        ("pixel_digest", 2, 4, 2, 1, 2),
    ]


def test_kinds_are_counted_with_an_example_the_commonest_first() -> None:
    rows = [("x", "b", "1"), ("y", "c", "2"), ("y", "a", "3")]
    table = pl.DataFrame(rows, FINDINGS_SCHEMA, orient="row")
    assert data_quality.count_kinds(table, "kind").rows() == [
        ("y", 2, "a", "3"),
        ("x", 1, "b", "1"),
    ]


def test_sizes_are_binned_and_none_is_lost() -> None:
    assert pixels.bin_sizes(MANIFEST).rows() == [
        (100.0, 100.0, 1),
        (200.0, 100.0, 2),
        (100.0, 200.0, 3),
    ]


def test_a_spread_is_in_the_order_of_parts() -> None:
    table = pixels.spread(MANIFEST, "mean", ["body_part"])
    assert table.select("body_part", "views", "median").rows() == [
        ("hand", 4, 25.0),
        ("wrist", 2, 45.0),
    ]


def test_folds_are_those_of_cross_validation(lake: Lake) -> None:
    table = counts.balance(lake.manifest, 3, 1).filter(body_part="all")
    train = lake.manifest.filter(split="train")
    held_out = [fold.held_out for fold in draw_folds(train, 3, 1)]
    assert table["views"].to_list() == [views.height for views in held_out]
    assert table["abnormal_views"].to_list() == [views["label"].sum() for views in held_out]
    with pytest.raises(TrainingError):
        counts.balance(lake.manifest, 400, 1)


def test_a_contact_sheet_shows_as_many_patients_as_it_can(lake: Lake) -> None:
    chosen = choose_views(lake.manifest, 3)
    assert chosen.equals(choose_views(lake.manifest, 3))
    assert not chosen.equals(choose_views(lake.manifest, 4))
    keys = ["body_part", "label"]
    for (part, label), views in chosen.partition_by(keys, as_dict=True).items():
        there = lake.manifest.filter(body_part=part, label=label)
        assert views.height == min(NUM_VIEWS, there.height)
        assert views["patient_id"].n_unique() == min(NUM_VIEWS, there["patient_id"].n_unique())
