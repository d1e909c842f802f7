"""The model card of a run: its numbers are those of metrics.json, its limits come from them."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from shared.labels import MURA_PARTS
from shared.lake.open import Lake
from trainer.evaluation.scored_table import LEVELS
from trainer.report.text import formatting

KEYS = {
    "accuracy": "Accuracy",
    "kappa": "Kappa",
    "recall": "Recall (sensitivity)",
    "specificity": "Specificity",
    "precision": "Precision",
    "f1": "F1",
}


def _tables(card: str) -> list[list[dict[str, str]]]:
    """Return the rows of each Markdown table, by column; of columns of one name the last."""
    tables: list[list[dict[str, str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE):
        head, _, *lines = (
            [c.strip() for c in line.split("|")[1:-1]] for line in block.splitlines()
        )
        tables.append([dict(zip(head, line, strict=True)) for line in lines])
    return tables


def _read(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())


def _card(report: Path) -> str:
    return (report.parent / "model_card.md").read_text()


@pytest.mark.parametrize("name", ["train_report", "cv_report"])
def test_numbers_are_those_of_the_metrics(name: str, request: pytest.FixtureRequest) -> None:
    report: Path = request.getfixturevalue(name)
    card, metrics = _card(report), _read(report.parent, "metrics")
    sets = [metrics["test"]]
    if name == "cv_report":
        sets.insert(0, metrics["out_of_fold"][metrics["chosen"]])
    _, *tables, calibration = _tables(card)
    for by_part, table in zip(sets, tables, strict=True):
        _check_rows(by_part, table)
    for row in calibration:
        assert row["Brier score"] == formatting.number(sets[0]["all"][f"{row['By']}_brier"])


def _check_rows(by_part: dict[str, Any], table: list[dict[str, str]]) -> None:
    parts = list(by_part) if len(by_part) > 2 else ["wrist"]
    rows = iter(table)
    for part, level in product(parts, LEVELS):
        measures, unit = by_part[part], LEVELS[level]
        learnt = measures[f"{level}_at_threshold"]
        at_half = {key: measures[f"{level}_{key}"] for key in KEYS}
        for threshold, rates, bounds in (
            (0.5, at_half, measures[f"{level}_intervals"]),
            (learnt["threshold"], learnt, learnt["intervals"]),
        )[: 1 if learnt["threshold"] == 0.5 else 2]:
            row = next(rows)
            assert (row["Part"], row["By"]) == (part, f"{measures[f'num_{unit}']} {unit}")
            assert row["Threshold"] == formatting.number(threshold)
            assert row["AUROC"] == formatting.estimate(measures, level, "auroc")
            assert row["Majority"] == formatting.number(measures[f"{level}_majority_accuracy"])
            for key, column in KEYS.items():
                assert row[column] == formatting.with_interval(rates[key], bounds[key])
    assert list(rows) == []


def test_data_and_command_are_told(trained_run: Path, lake: Lake) -> None:
    card, config = (trained_run / "model_card.md").read_text(), _read(trained_run, "config")
    for row, one in zip(_tables(card)[0], config["sets"], strict=True):
        assert row["Set"] == one["name"]
        assert row["Body parts"] == "wrist"
        numbers = [one[f"num_{unit}"] for unit in ("views", "studies", "patients")]
        assert [row["Views"], row["Studies"], row["Patients"]] == list(map(str, numbers))
    assert lake.digest in card
    assert config["code"]["digest"] in card
    settings = "epochs=4 batch_size=16 seed=5 precision=float32 model=cnn4"
    said = f"just train part=wrist lake={lake.root} {settings}"
    assert f"```sh\n{said}\n```" in card
    assert "`cnn4`, from random weights." in card
    assert "stratified by label and body part, with seed 5." in card
    unseen = ", ".join(part for part in MURA_PARTS if part != "wrist")
    assert f"it was not trained on {unseen}." in card
    assert "heat_maps/` of this run show some of them" in card
    has_check = (trained_run / "reference.parquet").exists()
    assert ("`predict` flags many unsuitable images" in card) == has_check


def test_limits_come_from_the_numbers(train_report: Path, untested_report: Path) -> None:
    tested = _card(train_report)
    bounds = _read(train_report.parent, "metrics")["test"]["all"]["study_intervals"]["auroc"]
    assert bounds["high"] - bounds["low"] > 0.1
    assert f"95 % CI of the study AUROC is wide, {formatting.interval(bounds)}" in tested
    assert "evaluated on only 40 patients." in tested
    assert "There is no test set" not in tested
    assert "nothing flags unsuitable ones" in tested
    assert "no 95 % CI:" not in tested
    assert "the files of this run contain no pixels" in tested

    untested = _card(untested_report)
    assert "- There is no test set: the lake has no views of the valid split" in untested
    assert "Fewer than 20 patients, so no 95 % CI: hand, wrist." in untested


def test_what_was_compared_is_told(cv_report: Path) -> None:
    card = _card(cv_report)
    assert "2 candidates were compared on the same folds" in card
    assert "The 3 folds of train and validation, a fifth of train's groups, were drawn" in card
    assert "```sh\njust cv part=wrist train=all epochs=3\n```" in card
