"""Several devices share each batch and train what one device trains; precision and XLA are used."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from shared.lake.open import Lake
from tests.commands import PROJECT, warm

pytestmark = pytest.mark.slow

FIT = """
import json, sys
import keras
from pathlib import Path
from shared.lake.open import open_lake
from trainer.data.dataset import open_data
from trainer.runs.context import RunContext
from trainer.training.loop import Trainer, Recipe
from trainer.inference.trained_model import predict
from trainer.options import TrainOptions
from trainer.data.split import plan_final_fit

lake = sys.argv[1]
dtypes = []


def build():
    dtypes.append(keras.config.dtype_policy().compute_dtype)
    images = keras.Input((64, 64, 1), dtype="uint8")
    features = keras.layers.Rescaling(1 / 255)(images)
    features = keras.layers.Conv2D(8, 3, 2, activation="relu")(features)
    features = keras.layers.Flatten()(features)
    probability = keras.layers.Dense(1, activation="sigmoid", dtype="float32")(features)
    return keras.Model(images, probability)


for place, words in json.loads(sys.argv[2]).items():
    options = TrainOptions(lake=lake, part="wrist", model="cnn2", epochs=2, batch_size=16, **words)
    data = open_data(options)
    plan = plan_final_fit(data, options.seed)
    folder = Path(place)
    folder.mkdir()
    dtypes.clear()
    fitted = Trainer(RunContext(options, data.lake, folder)).fit(Recipe(build, 1e-3), plan, "small")
    predict([fitted], plan.test).write_parquet(folder / "predictions.parquet")
    (folder / "dtypes.json").write_text(json.dumps(dtypes))
"""


def _fit(lake: Lake, *fits: tuple[Path, dict[str, object]]) -> list[pl.DataFrame]:
    """Fit a network without dropout, whose draws differ by device, in a process of its own."""
    words = json.dumps({str(folder): words for folder, words in fits})
    command = warm([sys.executable, "-c", FIT, lake.root, words])
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    return [pl.read_parquet(folder / "predictions.parquet").sort("view_id") for folder, _ in fits]


def test_two_devices_xla_and_mixed_precision_give_the_result_of_one_or_nearly(
    lake: Lake, tmp_path: Path
) -> None:
    words: dict[str, object] = {"xla": "on", "precision": "mixed_bfloat16"}
    on_one, other = _fit(lake, (tmp_path / "one", {}), (tmp_path / "other", words))
    # the processor is divided once a process
    (on_two,) = _fit(lake, (tmp_path / "two", {"devices": 2}))
    assert on_two["view_id"].equals(on_one["view_id"])
    assert on_one["probability"].std() > 0.01  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]  # of floats it is a float
    assert (on_two["probability"] - on_one["probability"]).abs().max() < 1e-4

    distance = (other["probability"] - on_one["probability"]).abs()
    assert 0 < distance.max() < 0.1  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]  # of floats it is a float
    # trained in 16 bits, saved in 32
    assert json.loads((tmp_path / "other" / "dtypes.json").read_text()) == ["bfloat16", "float32"]
