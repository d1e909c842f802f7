"""Training on 14 classes, with weights and augmentation: a run's files, and what weights do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from sklearn.metrics import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    roc_auc_score,  # pyright: ignore[reportUnknownVariableType]  # half typed
)

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from tests.commands import run
from trainer.data.pipeline import ordered_batches, shuffled_batches
from trainer.data.split import FitPlan
from trainer.data.target import abnormal_probability, make_target, make_targets
from trainer.data.tfrecord_pipeline import sequential_batches
from trainer.evaluation.metrics import measure
from trainer.inference.trained_model import predict as answer
from trainer.models.candidates import Candidate
from trainer.options import ClassWeight, TrainOptions
from trainer.runs.context import RunContext
from trainer.training.losses import AbnormalAUROC
from trainer.training.recipe import make_fit

pytestmark = pytest.mark.slow

BATCH = 16


@pytest.fixture(scope="module")
def trained(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "classes"
    words = (
        "model=cnn4",
        "task=part_abnormal",
        "class_weight=part_label",
        "augment=light",
        "reader=stream",
        "images=off",
    )
    fitting = (f"lake={lake.root}", f"out={out}", "epochs=1", "batch_size=16")
    result = run("mura-train", *words, *fitting)
    assert result.returncode == 0, result.stderr
    return out


def test_a_run_has_classes_beside_the_binary_results(trained: Path, lake: Lake) -> None:
    names = json.loads((trained / "config.json").read_text())["classes"]
    assert len(names) == 14
    scored = pl.read_parquet(trained / "predictions.parquet")
    chances = np.array(scored["class_probabilities"].to_list())
    assert chances.shape == (scored.height, 14)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-9)
    is_abnormal = [name.endswith(" abnormal") for name in names]
    np.testing.assert_allclose(chances[:, is_abnormal].sum(axis=1), scored["probability"])
    metrics = json.loads((trained / "metrics.json").read_text())
    test = scored.filter(role="test")
    assert metrics["test"]["all"].items() >= measure(test).items()
    classes = metrics["classes"]
    assert classes["names"] == names
    assert np.sum(classes["test"]["view_confusion"]) == test.height
    assert {"elbow", "wrist"} < set(metrics["test"])


def test_the_saved_model_loads_without_this_package_and_predicts_the_same(
    trained: Path, lake: Lake
) -> None:
    import keras

    from trainer.data.target import predictions_table
    from trainer.inference.keras_inference import infer

    model: Any = keras.models.load_model(trained / "model.keras")
    assert model.output_shape == (None, 14)
    scored = pl.read_parquet(trained / "predictions.parquet").filter(role="test")
    views = lake.manifest.filter(pl.col("view_id").is_in(scored["view_id"].to_list()))
    with ViewReader(lake, views) as reader:
        predictions = predictions_table(views, infer(model, reader, "predict"))
    again = scored.join(predictions, on="view_id", suffix="_again")
    assert again.height == scored.height
    assert (again["probability"] - again["probability_again"]).abs().max() < 1e-6


def test_the_metric_is_the_auroc_of_summed_classes() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 6, (500, 1))
    outputs = rng.dirichlet(np.ones(6), 500).astype(np.float32)
    outputs[np.arange(500), numbers[:, 0]] += 0.1
    outputs /= outputs.sum(axis=1, keepdims=True)
    metric: Any = AbnormalAUROC(num_thresholds=5000)
    for rows in np.split(np.arange(500), 5):
        metric.update_state(tf.constant(numbers[rows], tf.float32), tf.constant(outputs[rows]))
    exact: Any = roc_auc_score(numbers[:, 0] % 2, abnormal_probability(outputs))
    result: Any = metric.result()
    assert float(result) == pytest.approx(float(exact), abs=1e-3)


def _seen(batches: tf.data.Dataset, num_views: int) -> list[tuple[Any, ...]]:
    some = batches.take(-(-num_views // BATCH))
    return sorted(
        (image.tobytes(), *map(float, (number[0], weight)))
        for images, numbers, weights in some.as_numpy_iterator()
        for image, number, weight in zip(images, numbers, weights, strict=True)
    )


def test_every_way_to_read_gives_each_view_its_class_and_weight(lake: Lake) -> None:
    views = lake.manifest.sample(120, seed=6)
    targets = make_targets(views, make_target("part_abnormal", lake.manifest), "part_label")
    with ViewReader(lake, views) as reader:
        pixels = reader.read(np.arange(views.height))
        expected = sorted(
            (image.tobytes(), *map(float, (number[0], weight)))
            for image, number, weight in zip(pixels, *targets, strict=True)
        )
        ways: list[Callable[[], tf.data.Dataset]] = [
            lambda: ordered_batches(reader, BATCH, targets=targets),
            lambda: shuffled_batches(reader, BATCH, 1, targets=targets),
            lambda: sequential_batches(reader, BATCH, 1, targets=targets),
        ]
        for make in ways:
            assert _seen(make(), views.height) == expected


def _mean_probability(lake: Lake, plan: FitPlan, folder: Path, balance: ClassWeight) -> float:
    options = TrainOptions(model="cnn4", class_weight=balance, epochs=2, batch_size=BATCH)
    fit = make_fit(RunContext(options, lake, folder), "cnn4", plan)
    answers = answer(fit(plan, [Candidate("cnn4")], balance), plan.validation)
    return float(np.mean(answers["probability"].to_numpy()))


def test_balanced_training_answers_abnormal_more_often_where_that_is_rare(
    lake: Lake, tmp_path: Path
) -> None:
    manifest = lake.manifest
    rare = pl.concat([manifest.filter(label=0), manifest.filter(label=1).head(20)])
    views = rare.sample(fraction=1, shuffle=True, seed=1)
    plan = FitPlan(views[:150], views[150:180], views.clear())
    share = float(np.mean(plan.train["label"].to_numpy()))
    # without weights, the mean probability is near this share
    assert share < 0.12
    assert _mean_probability(lake, plan, tmp_path, "label") > 0.4
