"""Training on a GPU: precision, stages, two fits on one card, resuming, and the input pipeline."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from shared.lake.open import Lake
from tests.commands import SCRIPTS, run
from trainer.runs.gpus import find_gpus

IMAGES = ("part=wrist", "model=cnn4", "batch_size=16", "seed=5", "images=off")


def _command(lake: Lake, out: Path, *words: str) -> list[str]:
    """Return the options of a training; later words replace earlier ones of the same key."""
    every = (*IMAGES, *words, f"lake={lake.root}", f"out={out}")
    options = dict(word.split("=", 1) for word in every)
    return [f"{key}={value}" for key, value in options.items()]


def _train(
    lake: Lake, out: Path, *words: str, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """Train, and return the configuration of the run with all that the command said."""
    command = _command(lake, out, *words)
    done = run("mura-train", *command, timeout_s=600, environment=environment)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "config.json").read_text()) | {"said": done.stderr}


def _predictions(run_folder: Path) -> pl.DataFrame:
    return pl.read_parquet(run_folder / "predictions.parquet").sort("role", "view_id")


def test_a_fit_names_the_card_and_records_the_precision_it_has(lake: Lake, tmp_path: Path) -> None:
    config = _train(lake, tmp_path / "run", "epochs=2")
    (card, *_) = find_gpus()
    assert f"training on {card}" in config["said"]
    assert config["hardware"]["gpus"][0] == card.name
    has_bfloat16 = card.capability >= (8, 0)
    assert config["options"]["precision"] == ("mixed_bfloat16" if has_bfloat16 else "float32")
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_each_precision_learns_and_repeats_its_bits(
    precision: str, lake: Lake, tmp_path: Path
) -> None:
    words = ("epochs=3", f"precision={precision}")
    history: list[float] = []
    for name in ("one", "two"):
        _train(lake, tmp_path / name, *words)
        history = pl.read_parquet(tmp_path / name / "history.parquet")["loss"].to_list()
    assert history[-1] < history[0]
    assert _predictions(tmp_path / "one").equals(_predictions(tmp_path / "two"))


def test_the_fast_way_gives_nearly_the_same_and_says_so(lake: Lake, tmp_path: Path) -> None:
    exact = ("epochs=1", "precision=float32")
    _train(lake, tmp_path / "exact", *exact)
    config = _train(lake, tmp_path / "fast", *exact, "deterministic=off")
    assert config["options"]["deterministic"] == "off"
    assert "not deterministic" in (tmp_path / "fast" / "model_card.md").read_text()
    both = [_predictions(tmp_path / name)["probability"] for name in ("exact", "fast")]
    assert (both[0] - both[1]).abs().max() < 0.05  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]  # of floats it is a float


def test_embeddings_of_the_card_are_those_of_the_processor(lake: Lake, tmp_path: Path) -> None:
    # with the default size of batches, because a head has none
    words = ("model=efficientnet_lite0", "recipe=frozen", "batch_size=32", "precision=float32")
    _train(lake, tmp_path / "card", *words)
    # a cache of its own, so that the embeddings of the card are not reused
    hidden = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": "-1"}
    config = _train(lake, tmp_path / "processor", *words, environment=hidden)
    assert "CUDA_VISIBLE_DEVICES hides the GPUs" in config["said"]
    card, processor = (_predictions(tmp_path / name) for name in ("card", "processor"))
    assert (card["probability"] - processor["probability"]).abs().max() < 0.02  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]  # of floats it is a float


def test_a_staged_fit_starts_from_its_head(lake: Lake, tmp_path: Path) -> None:
    config = _train(lake, tmp_path / "run", "model=efficientnet_lite0", "epochs=1")
    # the default recipe on a GPU
    assert config["options"]["recipe"] == "good"
    history = pl.read_parquet(tmp_path / "run" / "history.parquet")
    # epoch 0 is the head before the whole network is trained
    assert history["epoch"].to_list() == [0, 1]


def test_two_cross_validations_share_one_card(lake: Lake, tmp_path: Path) -> None:
    words = ("part=wrist", "models=cnn4", "k=2", "epochs=1", "images=off", f"lake={lake.root}")
    with ThreadPoolExecutor(2) as pool:
        own = ([f"seed={seed}", f"out={tmp_path / str(seed)}"] for seed in (1, 2))
        both = pool.map(lambda own: run("mura-cv", *words, *own, timeout_s=600), own)
        for done in both:
            assert done.returncode == 0, done.stderr


def test_a_killed_fit_resumes_and_ends_with_the_same_bits(lake: Lake, tmp_path: Path) -> None:
    words = ("epochs=3",)
    _train(lake, tmp_path / "whole", *words)
    out = tmp_path / "resumed"
    command = [str(SCRIPTS / "mura-train"), *_command(lake, out, *words)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if "epoch 1:" in line:
                process.kill()
    assert process.returncode == -9
    assert _train(lake, out, *words)["starts"] == 2
    assert _predictions(out).equals(_predictions(tmp_path / "whole"))


def test_the_card_waits_for_images_in_less_than_a_twentieth_of_the_time(
    lake: Lake, tmp_path: Path
) -> None:
    words = ("part=all", "model=efficientnet_lite0", "train=all", "epochs=3", "batch_size=32")
    _train(lake, tmp_path / "run", *words)
    history = pl.read_parquet(tmp_path / "run" / "history.parquet")
    # the first epoch includes the compilation of kernels
    later = history.filter(pl.col("epoch") > 1)
    waiting_s, train_s = (later[name].to_numpy().sum() for name in ("waiting_s", "train_s"))
    assert waiting_s < 0.05 * train_s
