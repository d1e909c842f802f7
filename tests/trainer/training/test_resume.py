"""A killed run goes on when the same command is given again, and ends as if it never was."""

import json
import signal
import subprocess
from pathlib import Path

import polars as pl

from shared.lake.open import Lake
from tests.commands import SCRIPTS, run, warm
from tests.conftest import NUM_EPOCHS, TRAIN
from trainer.report.error_analysis import HEAT_MAPS
from trainer.runs.run_folder import LITERT_FILE

TIMED = ("seconds", "images_per_s", "train_s", "waiting_s")


def _stop_after(
    epoch: int, signal_number: int, words: list[str], folder: Path, title: str = ""
) -> tuple[int, str]:
    """Start a training, stop it in the epoch after; return its status and all that it said."""
    with subprocess.Popen(
        warm([SCRIPTS / "mura-train", *words]), cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith(title) and f"epoch {epoch}:" in line:
                process.send_signal(signal_number)
    return process.returncode, "".join(lines)


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bits(
    trained_run: Path, lake: Lake, tmp_path: Path
) -> None:
    words = [*TRAIN, f"lake={lake.root}"]
    status, said = _stop_after(1, signal.SIGINT, words, tmp_path)
    assert status == 130
    assert (
        "run the same command again to resume after the last finished epoch"
        in said.splitlines()[-1]
    )
    (unfinished,) = (tmp_path / "runs").iterdir()
    status, said = _stop_after(3, signal.SIGKILL, words, tmp_path)
    assert status == -signal.SIGKILL
    assert f"resuming runs/{unfinished.name}" in said

    (unfinished / HEAT_MAPS).mkdir()  # as if it had been killed later

    result = run("mura-train", *words, "images=off", folder=tmp_path)

    assert result.returncode == 0, result.stderr
    assert f"report: runs/{unfinished.name}/report.html" in result.stdout
    assert list((tmp_path / "runs").iterdir()) == [unfinished]
    assert "epoch 3:" not in result.stderr
    assert f"epoch {NUM_EPOCHS}:" in result.stderr
    for name, columns in (("predictions", ()), ("history", TIMED)):
        expected, found = (
            pl.read_parquet(folder / f"{name}.parquet").drop(columns)
            for folder in (trained_run, unfinished)
        )
        assert found.equals(expected)
    config = json.loads((unfinished / "config.json").read_text())
    assert config["starts"] == 3
    files = {path.name for path in unfinished.iterdir()}
    assert files == {path.name for path in trained_run.iterdir()} - {HEAT_MAPS}


def test_a_run_of_several_seeds_goes_on_in_the_fit_in_which_it_was_killed(
    lake: Lake, tmp_path: Path
) -> None:
    words = [
        *("part=wrist", "model=cnn4", "epochs=2", "batch_size=16", "seed=5", "seeds=2"),
        *("images=off", f"lake={lake.root}", "out=run"),
    ]
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = run("mura-train", *words, folder=tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    status, _ = _stop_after(1, signal.SIGKILL, words, tmp_path / "killed", "cnn4, seed 6")
    assert status == -signal.SIGKILL
    result = run("mura-train", *words, folder=tmp_path / "killed")
    assert result.returncode == 0, result.stderr
    assert "cnn4, seed 5, epoch" not in result.stderr
    assert "cnn4, seed 6, epoch 2:" in result.stderr
    folders = [tmp_path / name / "run" for name in ("whole", "killed")]
    for name, columns in (("predictions", ()), ("history", TIMED)):
        expected, found = (
            pl.read_parquet(folder / f"{name}.parquet").drop(columns) for folder in folders
        )
        assert found.equals(expected)
    assert found["fold"].unique().sort().to_list() == [0, 1]
    members = [found.filter(fold=fold)["loss"].to_list() for fold in (0, 1)]
    assert members[0] != members[1]
    assert json.loads((folders[1] / "config.json").read_text())["seeds"] == [5, 6]
    assert "ensemble of fits with the seeds 5, 6" in (folders[1] / "model_card.md").read_text()
    assert (folders[1] / LITERT_FILE).exists()
