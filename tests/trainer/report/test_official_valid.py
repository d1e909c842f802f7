"""Only the published studies and labels of MURA's valid split are recognized."""

import hashlib

import polars as pl
import pytest

from trainer.report import official_valid
from trainer.report.official_valid import digest_studies, is_official_valid

ROWS = [
    ("valid/XR_WRIST/patient11185/study1_positive", 1),
    ("valid/XR_WRIST/patient11185/study1_positive", 1),
    ("valid/XR_HAND/patient11186/study2_negative", 0),
]


def table(rows: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["study_id", "label"], orient="row")


def test_the_digest_is_one_of_names_and_labels_in_order() -> None:
    lines = b"XR_HAND/patient11186/study2,0\nXR_WRIST/patient11185/study1,1"
    assert digest_studies(table(ROWS)) == hashlib.sha256(lines).hexdigest()
    assert digest_studies(table(ROWS[::-1])) == digest_studies(table(ROWS))


def test_only_the_same_studies_and_labels_qualify(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_official_valid(table(ROWS))
    expected = digest_studies(table(ROWS))
    assert expected
    monkeypatch.setattr(official_valid, "OFFICIAL_DIGEST", expected)
    assert is_official_valid(table(ROWS))
    others = [
        ROWS[:2],
        [*ROWS, ("valid/XR_HAND/patient11187/study1_negative", 0)],
        [*ROWS[:2], (ROWS[2][0], 1)],
        [("valid/abnormal/p1", 1)],
        [(name.replace("valid", "train"), label) for name, label in ROWS],
    ]
    assert not any(is_official_valid(table(rows)) for rows in others)


def test_no_studies_do_not_qualify() -> None:
    assert not is_official_valid(table(ROWS).clear())
