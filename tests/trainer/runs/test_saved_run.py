"""A run folder that is not as its run wrote it is refused in one line, never answered with."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from shared.errors import TrainingError
from tests.commands import call
from tests.trainer.runs.run_mutations import (
    JSON_FILES,
    READ_FILES,
    Mutation,
    mutate_bytes,
    mutate_json,
    mutate_table,
    read_all,
)
from trainer.evaluation.decisions.decision import DECISION_FILE
from trainer.inference.study_predictions import predict_studies
from trainer.runs.run_folder import CARD_FILE, MODEL_FILE, PREDICTIONS_FILE, SUMS_FILE
from trainer.runs.saved.open import open_saved_run
from trainer.runs.saved.run_files import read_digests, write_digests
from trainer.runs.saved.saved_run import SavedRun

NUM_FLIPS, NUM_VALUES = 30, 30
OUTPUTS = np.linspace(0, 1, 9, dtype=np.float32)[:, None]


@pytest.fixture
def own_run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, of few files, that a test may damage."""
    left_out = shutil.ignore_patterns("figures", "tensorboard", "report.html", "image[2-9]*")
    folder = shutil.copytree(trained_run, tmp_path / "run", ignore=left_out)
    write_digests(folder)
    return folder


def _answer(kept: SavedRun, outputs: Any = OUTPUTS) -> list[pl.DataFrame]:
    paths = [str(row) for row in range(len(outputs))]
    views = pl.DataFrame({"path": paths, "study": [path[:1] for path in paths], "note": ""})
    return list(predict_studies(kept, views, outputs, np.full(len(outputs), 50.0)))


def _outcome(folder: Path) -> tuple[Any, ...] | None:
    """Return all that answers depend on beside the model; None where the run is refused."""
    try:
        kept = open_saved_run(str(folder))
        kept.files.read(MODEL_FILE)
    except TrainingError as error:
        _check_message(str(error))
        return None
    return asdict(kept.image), kept.config["classes"], [t.to_dicts() for t in _answer(kept)]


def _check_message(message: str) -> None:
    assert len(message.splitlines()) == 1
    assert "Received: " in message
    assert len(message) < 1000


def _try(folder: Path, mutations: Iterator[Mutation], *, anew: bool) -> int:
    """Return how many mutations are refused; all others must make no difference."""
    whole, expected = read_all(folder), _outcome(folder)
    num_refused = 0
    for name, content in mutations:
        (folder / name).write_bytes(content)
        if anew:
            write_digests(folder)
        found = _outcome(folder)
        num_refused += found is None
        assert found in (None, expected), (name, content[:300])
        for changed in {name, SUMS_FILE}:
            (folder / changed).write_bytes(whole[changed])
    return num_refused


def test_any_changed_byte_of_a_file_is_refused(own_run: Path) -> None:
    rng, whole = np.random.default_rng(3), read_all(own_run)
    names = [name for name in READ_FILES for _ in range(NUM_FLIPS // len(READ_FILES))]
    mutations = [mutate_bytes(name, whole[name], rng) for name in names]
    changed = [one for one in mutations if one[1] != whole[one[0]] and one[0] != SUMS_FILE]
    assert _try(own_run, iter(changed), anew=False) == len(changed)
    # of the digests, most are of files that no answer depends on
    _try(own_run, (one for one in mutations if one[0] == SUMS_FILE), anew=False)


@pytest.mark.parametrize("name", JSON_FILES)
def test_values_of_another_kind_are_refused_also_with_digests_made_anew(
    own_run: Path, name: str
) -> None:
    mutations = list(mutate_json(name, (own_run / name).read_bytes()))
    rng = np.random.default_rng(4)
    chosen = [mutations[row] for row in rng.choice(len(mutations), NUM_VALUES, replace=False)]
    num_refused = _try(own_run, iter(chosen), anew=True)
    assert num_refused >= (NUM_VALUES if name == DECISION_FILE else NUM_VALUES // 8)


def test_tables_of_another_kind_are_refused_also_with_digests_made_anew(own_run: Path) -> None:
    mutations = mutate_table((own_run / PREDICTIONS_FILE).read_bytes())
    num_refused = _try(own_run, islice(mutations, 0, None, 3), anew=True)
    assert num_refused > 30


@pytest.mark.parametrize("threshold", ["NaN", "null", '"0.5"', "-0.1", "1e999", "[" * 10**5])
def test_a_threshold_that_is_none_is_refused_by_the_command(
    own_run: Path, phantom_tree: Path, threshold: str
) -> None:
    decision = open_saved_run(str(own_run)).decision.view
    path = own_run / DECISION_FILE
    path.write_text(path.read_text().replace(str(decision.threshold), threshold))
    write_digests(own_run)
    with pytest.raises(TrainingError, match=r"Expected the files of a run .*decision\.json"):
        open_saved_run(str(own_run))
    if threshold == "NaN":
        result = call("mura-predict", next(phantom_tree.rglob("*.png")), f"run={own_run}")
        assert (result.returncode, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", READ_FILES)
@pytest.mark.parametrize("make", [Path.symlink_to, lambda path, _: os.mkfifo(path)])
def test_links_and_pipes_are_refused(
    own_run: Path, tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    (own_run / name).rename(tmp_path / name)
    make(own_run / name, tmp_path / name)
    assert _outcome(own_run) is None


def test_a_link_to_the_run_folder_is_followed_one_inside_is_not(
    own_run: Path, tmp_path: Path
) -> None:
    link = tmp_path / "latest"
    link.symlink_to(own_run)
    kept = open_saved_run(str(link))
    picture = next(path for path in read_digests(own_run) if path.startswith("heat_maps/"))
    assert kept.files.read(picture) == (own_run / picture).read_bytes()
    (own_run / "heat_maps").rename(tmp_path / "elsewhere")
    (own_run / "heat_maps").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match="links are not followed"):
        kept.files.read(picture)


def test_sha256sum_verifies_a_run_and_whoever_changed_it_is_told_which_file(own_run: Path) -> None:
    command = ["sha256sum", "--check", "--strict", SUMS_FILE]
    checked = subprocess.run(command, cwd=own_run, capture_output=True, text=True, check=True)
    assert f"{CARD_FILE}: OK" in checked.stdout
    with (own_run / CARD_FILE).open("a") as card:
        card.write("Fit for clinical use.\n")
    assert subprocess.run(command, cwd=own_run, capture_output=True).returncode == 1
    with pytest.raises(TrainingError, match=rf"Received: .*{CARD_FILE}, which was changed"):
        open_saved_run(str(own_run)).files.read(CARD_FILE)


def test_a_run_without_digests_is_not_finished(own_run: Path, tmp_path: Path) -> None:
    (own_run / SUMS_FILE).unlink()
    with pytest.raises(TrainingError, match=f"a finished run.* without {SUMS_FILE}"):
        open_saved_run(str(own_run))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 1.1])
def test_what_is_no_probability_is_never_answered_with(trained_run: Path, wrong: float) -> None:
    outputs = OUTPUTS.copy()
    outputs[4] = wrong
    with pytest.raises(TrainingError, match=r"Expected probabilities .* from run="):
        _answer(open_saved_run(str(trained_run)), outputs)
