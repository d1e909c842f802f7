"""Fits that cannot go on say so in one line."""

from pathlib import Path
from typing import Any

import keras
import pytest

from shared.errors import TrainingError
from shared.lake.open import Lake
from trainer.data.dataset import open_data
from trainer.data.split import plan_final_fit
from trainer.options import TrainOptions
from trainer.runs.context import RunContext
from trainer.training.loop import Recipe, Trainer

pytestmark = pytest.mark.slow


def _build() -> keras.Model:
    images: Any = keras.Input((64, 64, 1), dtype="uint8")
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    features = keras.layers.Dense(8, activation="relu")(features)
    return keras.Model(images, keras.layers.Dense(1, activation="sigmoid")(features))


def test_progress_ends_at_the_number_of_images(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = TrainOptions(lake=str(lake.root), part="wrist", model="cnn2", epochs=2, batch_size=31)
    plan = plan_final_fit(open_data(options), options.seed)
    Trainer(RunContext(options, lake, tmp_path)).fit(Recipe(_build, 1e-3), plan, "small")
    num = 2 * (plan.train.height + plan.validation.height)
    assert f"small: {num} of {num} images" in capsys.readouterr().err


def test_a_loss_that_is_no_number_ends_the_fit(lake: Lake, tmp_path: Path) -> None:
    options = TrainOptions(lake=str(lake.root), part="wrist", model="cnn2", epochs=3, batch_size=16)
    plan = plan_final_fit(open_data(options), options.seed)
    fitter = Trainer(RunContext(options, lake, tmp_path))
    with pytest.raises(TrainingError, match=r"Expected a finite .*loss=(nan|inf)"):
        fitter.fit(Recipe(_build, 1e38), plan, "diverging")
