"""A run predicts the same by LiteRT and by Keras."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from shared.errors import TrainingError
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from tests.commands import run
from trainer.data.target import abnormal_probability
from trainer.inference.predictor import open_predictor
from trainer.options.saved_run import Engine
from trainer.runs.run_folder import LITERT_FILE, SUMS_FILE
from trainer.runs.saved.open import open_saved_run

TOLERANCE = 1e-4


@pytest.fixture
def own_run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return shutil.copytree(trained_run, tmp_path / "run")


def replace_litert(folder: Path, content: bytes | None) -> None:
    """Replace or remove a run's model for LiteRT, with its digest, as another writer would."""
    lines = (folder / SUMS_FILE).read_text().splitlines()
    lines = [line for line in lines if not line.endswith(f" {LITERT_FILE}")]
    (folder / LITERT_FILE).unlink()
    if content is not None:
        (folder / LITERT_FILE).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {LITERT_FILE}")
    (folder / SUMS_FILE).write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("engine", ["litert", "keras", "auto"])
def test_every_engine_gives_the_probabilities_of_the_run(
    trained_run: Path, lake: Lake, engine: Engine
) -> None:
    saved_run = open_saved_run(str(trained_run))
    rows = saved_run.scored.select("view_id", "probability").join(lake.manifest, on="view_id")
    predictor = open_predictor(saved_run, engine, rows.height)
    with ViewReader(lake, rows) as reader:
        images = reader.read(np.arange(rows.height))
    size = predictor.batch_views
    batches = (images[start : start + size] for start in range(0, len(images), size))
    outputs = np.concatenate([outputs for outputs, *_ in predictor.predict_batches(batches)])
    assert outputs.shape == (rows.height, predictor.num_outputs)
    difference = np.abs(abnormal_probability(outputs) - rows["probability"].to_numpy())
    assert difference.max() <= TOLERANCE


def test_a_run_without_a_file_for_litert_predicts_by_keras(
    own_run: Path, trained_run: Path, phantom_tree: Path
) -> None:
    view = next((phantom_tree / "valid" / "XR_WRIST").rglob("*.png"))
    replace_litert(own_run, None)
    by_keras = run("mura-predict", view, f"run={own_run}", "format=json", is_warm=True)
    assert (by_keras.returncode, by_keras.stderr) == (0, "starting TensorFlow\n")
    by_litert = run("mura-predict", view, f"run={trained_run}", "format=json")
    assert (by_litert.returncode, by_litert.stderr) == (0, "")
    probabilities = [
        json.loads(result.stdout)["views"][0]["probability"] for result in (by_keras, by_litert)
    ]
    assert probabilities[0] == pytest.approx(probabilities[1], abs=TOLERANCE)


def test_litert_without_a_file_is_one_clear_line(own_run: Path, phantom_tree: Path) -> None:
    replace_litert(own_run, None)
    result = run("mura-predict", phantom_tree / "valid", f"run={own_run}", "engine=litert")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "predict: Expected a run with model.tflite for engine=litert; engine=keras needs none. "
        f"Received: run={own_run}\n"
    )


def test_a_damaged_file_is_refused_by_its_digest(own_run: Path, phantom_tree: Path) -> None:
    content = bytearray((own_run / LITERT_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (own_run / LITERT_FILE).write_bytes(content)
    result = run("mura-predict", phantom_tree / "valid", f"run={own_run}")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "predict: Expected the files of a run as it wrote them (SHA256SUMS). "
        f"Received: {own_run / LITERT_FILE}, which was changed\n"
    )


def test_a_file_of_another_model_is_refused(own_run: Path) -> None:
    replace_litert(own_run, b"no model")
    with pytest.raises(TrainingError, match=r"model\.tflite: LiteRT cannot load it"):
        open_predictor(open_saved_run(str(own_run)), "auto", 1)
