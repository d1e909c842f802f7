"""The line that names the devices of a fit, and the precision that `auto` stands for."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.options import TrainOptions
from trainer.runs.gpus import describe_devices, find_gpus, resolve_precision

pytestmark = pytest.mark.skipif(bool(find_gpus()), reason="there is a GPU: see tests/gpu")


def test_without_a_driver_the_cores_are_named() -> None:
    command = [sys.executable, "-m", "trainer.runs.gpus"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"training uses \d+ CPU cores?; no GPU found\n", said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        ({}, "no CUDA libraries: `just gpu` installs them"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "CUDA_VISIBLE_DEVICES hides the GPUs"),
    ],
)
def test_with_a_driver_but_without_a_gpu_the_remedy_is_named(
    environment: dict[str, str], remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as in WSL2, where the driver shows by its tools only
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert remedy in describe_devices()


def test_auto_is_float32_without_a_gpu_and_other_values_stay() -> None:
    assert resolve_precision(TrainOptions()) == "float32"
    assert resolve_precision(TrainOptions(precision="mixed_float16")) == "mixed_float16"


def test_a_run_records_the_precision_and_the_determinism_of_its_fit(trained_run: Path) -> None:
    options = json.loads((trained_run / "config.json").read_text())["options"]
    assert (options["precision"], options["deterministic"]) == ("float32", "on")
    card = (trained_run / "model_card.md").read_text()
    assert "layers in float32; deterministic." in card
