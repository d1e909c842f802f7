"""The model card of a run: its numbers are those of metrics.json, its limits come from them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.lake import Lake
from shared.vocabulary import MURA_PARTS
from trainer.report import words

KEYS = ("accuracy", "kappa", "recall", "specificity", "precision", "f1")


def _tables(card: str) -> list[list[dict[str, str]]]:
    """Return the rows of each Markdown table, by column; of columns of one name the last."""
    tables: list[list[dict[str, str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE):
        head, _, *lines = (
            [c.strip() for c in line.split("|")[1:-1]] for line in block.splitlines()
        )
        tables.append([dict(zip(head, line, strict=True)) for line in lines])
    return tables


@pytest.fixture(scope="module")
def card(trained_run: Path) -> str:
    return (trained_run / "model_card.md").read_text()


def _read(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())


def test_numbers_are_those_of_the_metrics(trained_run: Path, card: str) -> None:
    measures = _read(trained_run, "metrics")["test"]["wrist"]
    rows = iter(_tables(card)[1])
    for level, unit in (("view", "views"), ("study", "studies")):
        learnt = measures[f"{level}_at_threshold"]
        at_half = {key: measures[f"{level}_{key}"] for key in KEYS}
        for threshold, rates, bounds in (
            (0.5, at_half, measures[f"{level}_intervals"]),
            (learnt["threshold"], learnt, learnt["intervals"]),
        ):
            row = next(rows)
            assert (row["Part"], row["By"]) == ("wrist", f"{measures[f'num_{unit}']} {unit}")
            assert row["From"] == words.number(threshold)
            assert row["AUROC"] == words.estimate(measures, level, "auroc")
            assert row["Majority"] == words.number(measures[f"{level}_majority_accuracy"])
            for key in KEYS:
                assert row[key.capitalize()] == words.with_interval(rates[key], bounds[key])
    assert list(rows) == []
    for row in _tables(card)[2]:
        assert row["Brier score"] == words.number(measures[f"{row['By']}_brier"])


def test_sets_lake_and_command_are_told(trained_run: Path, card: str, lake: Lake) -> None:
    config = _read(trained_run, "config")
    for row, one in zip(_tables(card)[0], config["sets"], strict=True):
        assert row["Set"] == one["name"]
        assert row["Body parts"] == "wrist"
        numbers = [one[f"num_{unit}"] for unit in ("views", "studies", "patients")]
        assert [row["Views"], row["Studies"], row["Patients"]] == list(map(str, numbers))
    assert lake.digest in card
    assert config["code"]["digest"] in card
    command = f"just train part=wrist lake={lake.root} epochs=2 model=resnet_small"
    assert f"```sh\n{command}\n```" in card
    assert "from random weights" in card


def test_limits_are_those_of_this_run(trained_run: Path, card: str) -> None:
    measures = _read(trained_run, "metrics")["test"]["all"]
    assert "**Research use, not a diagnosis.**" in card
    unseen = ", ".join(part for part in MURA_PARTS if part != "wrist")
    assert f"it has never seen {unseen}." in card
    assert f"measured on {measures['num_groups']} patients: few" in card
    assert "There is no test" not in card
    assert "heat_maps/` of this run show some of them" in card
