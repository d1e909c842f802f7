"""Planted label errors are found first, and clean labels raise no alarm."""

import numpy as np
import polars as pl
import pytest

from shared.labels import LABEL_NAMES
from trainer.audit.labels.label_errors import (
    SUSPECTS_SCHEMA,
    count_contradictions,
    find_label_issues,
    find_suspects,
)

NUM, NUM_FLIPPED = 600, 30


def _predict(seed: int):
    """Return labels and probabilities of a calibrated model of AUROC 0.97."""
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(0.25, 0.25, NUM)
    return (rng.random(NUM) < probabilities).astype(np.int64), probabilities


def _flip(labels: np.ndarray, seed: int):
    chosen = np.random.default_rng(seed).choice(NUM, NUM_FLIPPED, replace=False)
    flipped = labels.copy()
    flipped[chosen] = 1 - flipped[chosen]
    return flipped, chosen


def _studies(labels: np.ndarray, probabilities: np.ndarray) -> pl.DataFrame:
    parts = ["wrist" if n % 2 else "hand" for n in range(NUM)]
    ids = [f"train/s{n}" for n in range(NUM)]
    return pl.DataFrame(
        {
            "study_id": ids,
            "label": labels,
            "published": 0,
            "body_part": parts,
            "calibrated": probabilities,
        }
    )


def test_confident_joint_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    # mean probability of normal among the normal: 0.6; of abnormal among the abnormal: 0.5
    probabilities = np.array([0.2, 0.4, 0.6, 0.9, 0.45, 0.15])
    # the third reaches 0.5 as abnormal; the last reaches 0.6 as normal; the fifth neither
    expected = [False, False, True, False, False, True]
    assert find_label_issues(labels, probabilities).tolist() == expected
    assert not find_label_issues(np.zeros(3, np.int64), np.array([0.9, 0.9, 0.1])).any()


@pytest.mark.parametrize("seed", range(5))
def test_planted_errors_come_first(seed: int) -> None:
    clean, probabilities = _predict(seed)
    labels, chosen = _flip(clean, seed)
    suspects = find_suspects(_studies(labels, probabilities))
    assert suspects.schema == pl.Schema(SUSPECTS_SCHEMA)
    planted = {f"train/s{n}" for n in chosen}
    found = suspects["study"].to_list()
    assert len(planted & set(found[:10])) >= 8
    # errors with a probability near 0.5 cannot be found
    assert len(planted & set(found)) >= 0.6 * NUM_FLIPPED
    assert count_contradictions(labels, probabilities).is_alarm


@pytest.mark.parametrize("seed", range(5))
def test_clean_labels_raise_no_alarm(seed: int) -> None:
    found = count_contradictions(*_predict(seed))
    assert found.observed > 0
    assert abs(found.observed - found.expected) < 4 * np.sqrt(found.expected)
    assert not found.is_alarm


def test_the_file_changes_no_label_by_itself() -> None:
    labels, probabilities = _predict(0)
    flipped, _ = _flip(labels, 0)
    suspects = find_suspects(_studies(flipped, probabilities))
    assert suspects.columns[:2] == ["study", "label"]
    numbers = suspects["study"].str.strip_prefix("train/s").cast(pl.Int64)
    assert suspects["label"].to_list() == [LABEL_NAMES[flipped[number]] for number in numbers]
    assert (suspects["published_label"] == "normal").all()
    assert (suspects["label"] != suspects["suggested_label"]).all()
    assert (suspects["confirmed"] == "").all()
    assert suspects["score"].is_sorted(descending=True)
