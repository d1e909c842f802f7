"""A killed run goes on when the same command is given again, and ends as if it never was."""

import signal
import subprocess
from pathlib import Path

import polars as pl
import pytest

from shared.lake import Lake
from tests.commands import PROJECT, SCRIPTS, run
from trainer.run_folder import CHECKPOINTS

EPOCHS = 4
WORDS = ("part=wrist", "model=cnn4", "batch=16", f"epochs={EPOCHS}")


@pytest.fixture(scope="module")
def uninterrupted(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    result = run("mura-train", *WORDS, f"lake={lake.root}", f"out={out}")
    assert result.returncode == 0, result.stderr
    return out


def _stop_after(epoch: int, signal_number: int, words: list[str], folder: Path) -> tuple[int, str]:
    """Start a training, stop it in the epoch after; return its status and last words."""
    with subprocess.Popen(
        [str(SCRIPTS / "mura-train"), *words], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        next(line for line in process.stderr if f"epoch {epoch}:" in line)
        process.send_signal(signal_number)
        said = process.stderr.read()
    return process.returncode, said


def test_a_killed_run_goes_on_and_ends_with_the_same_predictions(
    uninterrupted: Path, lake: Lake, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    words = [*WORDS, f"lake={lake.root}", f"out={out}"]
    for epoch in (1, 3):
        status, _ = _stop_after(epoch, signal.SIGKILL, words, PROJECT)
        assert status == -signal.SIGKILL
        assert (out / CHECKPOINTS).is_dir()
        assert not (out / "predictions.parquet").exists()

    result = run("mura-train", *words)

    assert result.returncode == 0, result.stderr
    assert f"going on with {out}" in result.stderr
    assert "epoch 3:" not in result.stderr
    assert f"epoch {EPOCHS}:" in result.stderr
    expected, found = (
        pl.read_parquet(folder / "predictions.parquet") for folder in (uninterrupted, out)
    )
    assert found.equals(expected)
    timed = ("seconds", "images_per_s", "train_s", "waiting_s")
    expected, found = (
        pl.read_parquet(folder / "history.parquet").drop(timed) for folder in (uninterrupted, out)
    )
    assert found.equals(expected)
    assert {path.name for path in out.iterdir()} == {path.name for path in uninterrupted.iterdir()}


def test_an_interrupted_run_is_found_again_without_being_named(lake: Lake, tmp_path: Path) -> None:
    words = ["part=hand", "model=cnn2", "batch=16", "epochs=2", f"lake={lake.root}"]
    status, said = _stop_after(1, signal.SIGINT, words, tmp_path)
    assert status == 130
    assert "the same command goes on after the last finished epoch" in said.splitlines()[-1]
    (unfinished,) = (tmp_path / "runs").iterdir()
    result = run("mura-train", *words, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"report: runs/{unfinished.name}/report.html" in result.stdout
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [unfinished.name]
