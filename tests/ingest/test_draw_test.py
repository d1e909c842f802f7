"""The drawn test: whole groups, stratified, whatever the order of the files."""

from pathlib import Path

import polars as pl
import pytest

from ingest.scan.draw_test import draw_test
from ingest.scan.scan_tree import SCHEMA
from shared.errors import SourceError
from shared.storage.local import Folder

NUM_PATIENTS = 200


@pytest.fixture(scope="module")
def views() -> pl.DataFrame:
    """Patients with one to three views; every fourth is abnormal, every tenth a knee."""
    rows = [
        (f"{patient}/{image}.png", "train", part, int(patient % 4 == 0), patient, f"{patient}")
        for patient in range(NUM_PATIENTS)
        for image in range(patient % 3 + 1)
        for part in ("knee" if patient % 10 == 0 else "wrist",)
    ]
    table = pl.DataFrame(rows, list(SCHEMA)[:6], orient="row").with_row_index("source_bytes")
    return table.with_columns(modified_ns=0, changed_ns=0).select(SCHEMA.keys())


def drawn(views: pl.DataFrame, share: float, seed: int = 0) -> set[str]:
    """Return the views of the test."""
    return set(draw_test(views, Folder(Path("none")), share, seed).filter(split="valid")["view_id"])


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_whole_patients_with_the_share_of_each_stratum(views: pl.DataFrame, share: float) -> None:
    found = draw_test(views, Folder(Path("none")), share, 0)
    assert found.drop("split").equals(views.drop("split"))
    assert found.group_by("patient_id").agg(pl.col("split").n_unique())["split"].max() == 1
    strata = found.group_by("body_part", "label").agg(
        pl.len(), valid=(pl.col("split") == "valid").sum()
    )
    assert strata.height == 4
    for row in strata.iter_rows(named=True):
        assert abs(row["valid"] - share * row["len"]) <= 2, row


def test_the_draw_depends_on_seed_and_patients_alone(views: pl.DataFrame) -> None:
    shuffled = views.sample(fraction=1.0, shuffle=True, seed=1)
    assert drawn(views, 0.2) == drawn(shuffled, 0.2) != drawn(views, 0.2, seed=1)
    # the draws of other shares are nested
    assert drawn(views, 0.1) < drawn(views, 0.2)
    assert drawn(views, 0.0) == set()


def test_one_patient_of_a_stratum_stays_in_train(views: pl.DataFrame) -> None:
    assert drawn(views.filter(patient_id=0), 0.9) == set()
    assert {path[:1] for path in drawn(views.filter(pl.col("patient_id") < 3), 0.9)} < {"1", "2"}


def test_patients_with_the_same_file_are_one_group(tmp_path: Path, views: pl.DataFrame) -> None:
    pair = views.filter(pl.col("patient_id").is_in([1, 2, 3, 5, 6, 7])).unique("patient_id")
    for path, patient in pair.select("view_id", "patient_id").iter_rows():
        (tmp_path / path).parent.mkdir()
        # 1 and 2 have the same bytes, and 3 others of the same size
        (tmp_path / path).write_bytes(b"same" if patient < 3 else str(patient).encode() * 4)
    same_size = pair.with_columns(source_bytes=pl.lit(4, pl.Int64))
    for seed in range(6):
        found = draw_test(same_size, Folder(tmp_path), 0.5, seed)
        splits = dict(found.select("patient_id", "split").iter_rows())
        assert splits[1] == splits[2]
        assert len(set(splits.values())) == 2


def test_a_test_that_exists_is_kept(views: pl.DataFrame) -> None:
    with pytest.raises(SourceError, match="Expected no test with test_share"):
        drawn(views.with_columns(split=pl.lit("valid")), 0.2)
