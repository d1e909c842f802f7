"""The reference of a network trained on images: distances of validation views."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.data.split import FitPlan, hold_out
from trainer.inference.conversion import convert
from trainer.inference.litert import LiteRtModel
from trainer.inference.reference_fit import fit_trained_reference, read_borders
from trainer.models.classifier_head import add_classifier
from trainer.models.ensemble import add_features
from trainer.runs.run_folder import LITERT_FILE

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(lake: Lake) -> FitPlan:
    views = lake.manifest.filter(split="train", body_part="wrist")
    fold = hold_out(views, seed=0)
    return FitPlan(fold.train, fold.held_out, views.clear())


def write_network(folder: Path, size_px: int, kernel: list[list[float]]) -> LiteRtModel:
    """Write a network whose features are the grey level and the absolute response to a kernel."""
    layers: Any = keras.layers
    images: Any = keras.Input((size_px, size_px, 1), dtype="uint8")
    scaled = layers.Rescaling(1 / 255)(images)
    filters = layers.Conv2D(2, 3, activation="relu", use_bias=False)
    features = [layers.GlobalAveragePooling2D()(each) for each in (filters(scaled), scaled)]
    both = np.stack([np.array(kernel), -np.array(kernel)], axis=-1)
    filters.set_weights([both[:, :, None]])
    model = add_classifier(keras.Model(images, layers.Concatenate()(features)))
    content = convert(add_features(model))
    (folder / LITERT_FILE).write_bytes(content)
    return LiteRtModel(content, 1)


def test_distances_are_those_of_validation_views(lake: Lake, plan: FitPlan, tmp_path: Path) -> None:
    assert fit_trained_reference(tmp_path, lake, plan, seed=0) is None
    edges = [[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    model = write_network(tmp_path, lake.image.size, edges)
    reference = fit_trained_reference(tmp_path, lake, plan, seed=0)
    assert reference
    assert len(reference.directions) == min(256, plan.train.height)
    with ViewReader(lake, plan.validation) as reader:
        images = reader.read(np.arange(len(reader)))
    ((_, features),) = model.predict_batches([images])
    np.testing.assert_allclose(reference.measure(features), reference.distances, atol=1e-6)
    assert reference.rate(np.array([reference.distances.max() + 1])) > 95
    assert fit_trained_reference(tmp_path, lake, plan.without_validation(), seed=0) is None


def test_features_that_do_not_tell_noise_give_no_reference(
    lake: Lake, plan: FitPlan, tmp_path: Path
) -> None:
    write_network(tmp_path, lake.image.size, [[0.0] * 3] * 3)
    assert fit_trained_reference(tmp_path, lake, plan, seed=0) is None


def test_borders_are_those_of_a_sample_of_views(lake: Lake, plan: FitPlan) -> None:
    borders = read_borders(lake, plan.train, seed=0)
    assert borders.shape == (plan.train.height,)
    assert np.unique(borders).size > 10
