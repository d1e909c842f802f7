"""The README tells the truth: its snippets run, its options and defaults are the commands'."""

import dataclasses
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from ingest.options import IngestOptions, VerifyOptions
from ingest.phantom.options import PhantomOptions
from shared.lake.manifest import SCHEMA
from shared.lake.open import Lake
from tests.commands import PROJECT
from trainer.models.table import MODELS
from trainer.options import (
    CvOptions,
    EdaOptions,
    ExportOptions,
    PredictOptions,
    ServeOptions,
    TrainOptions,
    TuneOptions,
)

README = (PROJECT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs(snippet: str, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "lake").symlink_to(lake.root)
    result = subprocess.run(
        [sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout


def test_there_is_a_snippet_for_tensorflow_and_one_for_polars() -> None:
    assert ["tensorflow" in snippet for snippet in SNIPPETS] == [True, False]
    assert "pl.read_parquet" in SNIPPETS[1]


def test_what_is_linked_is_there_and_every_figure_filled_in() -> None:
    linked = [link for link in re.findall(r"\]\((.*?)\)", README) if "://" not in link]
    assert linked
    assert all((PROJECT / link).is_file() for link in linked)
    assert not re.search(r"[A-Z]+_RATE", README)


def _documented(command: str) -> dict[str, str]:
    section = README.split("## Options")[1].split(f"\n`just {command}")[1].split("\n`just ")[0]
    return dict(re.findall(r"^\| `(\w+)=` \| (.*?) \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("command", "options_type"),
    [
        ("ingest", IngestOptions),
        ("verify", VerifyOptions),
        ("eda", EdaOptions),
        ("train", TrainOptions),
        ("predict", PredictOptions),
        ("serve", ServeOptions),
        ("export", ExportOptions),
        ("phantom", PhantomOptions),
    ],
)
def test_every_option_stands_with_its_default(command: str, options_type: Any) -> None:
    defaults = {
        field.name: field.default_factory() if callable(field.default_factory) else field.default
        for field in dataclasses.fields(options_type)
        if field.name not in ("root", "paths")
    }
    documented = _documented(command)
    assert list(documented) == list(defaults)
    in_words = {
        "number of processors": os.cpu_count(),
        "a new folder in `runs/`": "",
        "the newest finished run in `runs/`": "",
    }
    for name, text in documented.items():
        assert str(in_words.get(text, text.strip("`"))) == str(defaults[name])


def test_cross_validation_has_the_options_of_training_and_its_own() -> None:
    own = _documented("cv")
    fields = {field.name: field.default for field in dataclasses.fields(CvOptions)}
    assert set(fields) == (set(_documented("train")) - {"model", "head", "decay"}) | set(own)
    assert {name: str(fields[name]) for name in own} == {n: t.strip("`") for n, t in own.items()}


def test_a_search_has_the_options_of_training_and_its_own() -> None:
    own = _documented("tune")
    fields = {field.name: field.default for field in dataclasses.fields(TuneOptions)}
    assert list(fields) == [*_documented("train"), *own]
    assert {name: str(fields[name]) for name in own} == {n: t.strip("`") for n, t in own.items()}


def test_every_command_is_told() -> None:
    line = README.split("Without just, the same commands are ")[1].split("\n")[0]
    commands = {script.name for script in distribution("mura-lake").entry_points}
    assert set(re.findall(r"`([\w-]+)`", line)) == commands


def test_every_column_and_every_model_is_told() -> None:
    assert set(SCHEMA) <= set(re.findall(r"`(\w+)`", README))
    assert set(MODELS) <= set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))


def test_every_module_has_its_place_in_the_table() -> None:
    inside = README.split("## Inside")[1]
    for package in ("ingest", "shared", "trainer"):
        told = set(re.findall(r"`(\w+)/?`", inside.split(f"| `{package}/`")[1].split("\n\n")[0]))
        found = {path.stem for path in (PROJECT / package).iterdir() if path.name[0] != "_"}
        assert found - told <= {"cli", "options"}
        assert told <= found
