"""The report and the card of a made-up run that a search ended with."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.trainer.report.test_report import read_text
from tests.trainer.run_folders import write_train
from trainer.options import TuneOptions
from trainer.report.page import write_report
from trainer.report.text.formatting import number
from trainer.tuning.trials import Trial, write_trials


def _write(folder: Path, scores: Sequence[float | None], chosen: int) -> tuple[str, str]:
    """Write a run whose trials had these scores; return its report's text and its card."""
    write_train(folder)
    trials = [
        Trial(index + 1, {"learning_rate": 1e-4 * (index + 1), "augment": "light"}, score, 70.0)
        for index, score in enumerate(scores)
    ]
    write_trials(folder, trials)
    config = json.loads((folder / "config.json").read_text())
    config["search"] = {
        "num_trials": len(scores),
        "num_failed": sum(score is None for score in scores),
        "chosen": chosen,
        "score": scores[chosen - 1],
        "settings": {"learning_rate": [1e-4, 1e-2], "augment": ["none", "light", "strong"]},
        "options": asdict(
            TuneOptions(model="cnn4", trials=len(scores), search="learning_rate,augment")
        ),
    }
    (folder / "config.json").write_text(json.dumps(config))
    page = write_report(folder)
    return read_text(page), (folder / "model_card.md").read_text()


@pytest.mark.slow
def test_the_best_trials_and_the_first_stand_in_order_and_failed_ones_are_counted(
    tmp_path: Path,
) -> None:
    scores = [0.61, None, *(0.7 + 0.01 * index for index in range(9))]
    text, card = _write(tmp_path, scores, 11)
    assert "cnn, the best of 11 trials on validation" in text
    assert (
        "Trial 11 was chosen by validation view AUROC, 0.780; the default settings have 0.610"
        in card
    )
    rows = [
        "11 ✓ chosen 0.780 0.0011 light 1 min 10 s",
        *(f"{n} {number(scores[n - 1])} {n * 1e-4:g} light 1 min 10 s" for n in range(10, 3, -1)),
        "1 default settings 0.610 0.0001 light 1 min 10 s",
    ]
    assert " ".join(rows) in text
    for each in (text, card):
        assert (
            "11 trials of learning_rate (0.0001 to 0.01) and augment (none, light, strong)" in each
        )
        assert "1 trial failed" in each
        assert "they are those of the best of 11 trials" in each
        assert "The test set was not used for the choice" in each
    assert "just tune model=cnn4 trials=11 search=learning_rate,augment" in card


@pytest.mark.slow
def test_a_search_that_found_nothing_better_says_so(tmp_path: Path) -> None:
    text, card = _write(tmp_path, [0.8], 1)
    for each in (text, card):
        assert (
            "Trial 1 was chosen by validation view AUROC, 0.800; it has the default settings"
            in each
        )
        assert "failed" not in each
        assert "optimistic" not in each
    assert (tmp_path / "figures" / "trials_learning_rate.svg").is_file()
