"""The tune command as a user runs it: killed in the middle, it ends as if it had not been."""

import json
import re
import signal
import subprocess
from pathlib import Path

import polars as pl
import pytest

from shared.lake.open import Lake
from tests.commands import SCRIPTS, run, warm
from trainer.data.dataset import open_data
from trainer.data.split import plan_final_fit
from trainer.inference.trained_model import predict
from trainer.options import TrainOptions
from trainer.runs.context import RunContext
from trainer.training.recipe import make_fit

pytestmark = pytest.mark.slow

WHOLE = (
    "part=wrist",
    "model=cnn4",
    "search=learning_rate,dropout",
    "trials=2",
    "epochs=2",
    "images=off",
)
HEADS = ("part=wrist", "model=efficientnet_lite0", "class_weight=label", "trials=4", "images=off")


def _kill_after(line: str, words: list[str]) -> str:
    """Start a search, kill it when it says something that begins so; return all that it said."""
    with subprocess.Popen(
        warm([SCRIPTS / "mura-tune", *words]), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        said: list[str] = []
        for each in process.stderr:
            said.append(each)
            if each.startswith(line):
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, said
    return "".join(said)


@pytest.mark.benchmark
def test_a_search_killed_in_a_trial_ends_with_the_same_bits(lake: Lake, tmp_path: Path) -> None:
    words = [*WHOLE, f"lake={lake.root}", "batch_size=16"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    _kill_after("trial 2, epoch 1:", [*words, f"out={killed}"])
    assert not (killed / "trials.parquet").exists()
    result = run("mura-tune", *words, f"out={killed}")
    assert result.returncode == 0, result.stderr
    assert "trial 1, epoch" not in result.stderr
    assert "trial 2, epoch 1:" not in result.stderr
    assert "trial 2, epoch 2:" in result.stderr
    # nothing else: the best is not fitted anew
    assert len(re.findall(r"epoch \d:", result.stderr)) == 1
    assert run("mura-tune", *words, f"out={whole}").returncode == 0
    for name, columns in (("trials", ["seconds"]), ("predictions", [])):
        found, expected = (
            pl.read_parquet(folder / f"{name}.parquet").drop(columns) for folder in (killed, whole)
        )
        assert found.equals(expected)
    trials = pl.read_parquet(whole / "trials.parquet")
    assert trials["number"].to_list() == [1, 2]
    assert trials.row(0, named=True)["learning_rate"] == 0.001
    assert trials["learning_rate"].n_unique() == trials["score"].n_unique() == 2
    assert not (killed / "checkpoints").exists()


def test_the_best_head_is_kept_told_of_and_found_again_by_the_usual_command(
    lake: Lake, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    result = run("mura-tune", *HEADS, f"lake={lake.root}", f"out={out}")
    assert result.returncode == 0, result.stderr
    trials = pl.read_parquet(out / "trials.parquet")
    assert trials.columns == ["number", "weight_decay", "copies", "score", "seconds", "state"]
    best = trials.filter(score=trials["score"].max()).row(0, named=True)
    config = json.loads((out / "config.json").read_text())
    assert config["search"]["num_trials"] == 4
    assert config["search"]["chosen"] == best["number"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert abs(metrics["validation"]["all"]["view_auroc"] - best["score"]) < 1e-9

    options = TrainOptions(**config["options"])
    assert (options.weight_decay, options.copies, options.class_weight) == (
        best["weight_decay"],
        best["copies"],
        "label",
    )
    data = open_data(options)
    plan = plan_final_fit(data, options.seed)
    fit = make_fit(RunContext(options, data.lake, tmp_path), options.model, plan)
    again = predict(fit(plan.without_validation(), [options.candidate], ""), plan.test)
    kept = pl.read_parquet(out / "predictions.parquet").filter(role="test")
    assert again["probability"].to_list() == kept["probability"].to_list()

    page, card = (out / "report.html").read_text(), (out / "model_card.md").read_text()
    for text in (page, card):
        assert "4 trials of weight_decay (10 to 10,000) and copies (1, 2, 4)" in text
        assert f"Trial {best['number']} was chosen by validation view AUROC" in text
        assert "optimistic" in text
    assert "just tune part=wrist" in card
    assert page.count("<h2>Hyperparameter search</h2>") == 1
    assert 'id="trials_weight_decay-' in page
