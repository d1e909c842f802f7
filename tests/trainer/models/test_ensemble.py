"""Models that answer together give the mean, whatever they are made of."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from trainer.features.heads import Head, to_probabilities
from trainer.features.keras_head import build_head
from trainer.inference.conversion import convert
from trainer.inference.litert import LiteRtModel
from trainer.models.classifier_head import add_classifier
from trainer.models.ensemble import add_features, build_ensemble

pytestmark = pytest.mark.slow

SIZE_PX, NUM_FEATURES = 12, 5
IMAGES = np.random.default_rng(0).integers(0, 256, (4, SIZE_PX, SIZE_PX, 1), np.uint8)


def random_head(seed: int, num_outputs: int) -> Head:
    rng = np.random.default_rng(seed)
    shapes = ((NUM_FEATURES, num_outputs), (num_outputs,))
    return Head(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def build_backbone() -> Any:
    keras.utils.set_random_seed(0)
    images: Any = keras.Input((SIZE_PX, SIZE_PX, 1), dtype="uint8")
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    return keras.Model(images, keras.layers.Dense(NUM_FEATURES)(features), name="backbone")


@pytest.mark.parametrize("num_outputs", [1, 14])
def test_a_built_head_answers_as_in_numpy(num_outputs: int) -> None:
    head = random_head(1, num_outputs)
    features = np.random.default_rng(2).normal(size=(9, NUM_FEATURES)).astype(np.float32)
    model: Any = build_head(head)
    expected = to_probabilities(head.logits(features))
    np.testing.assert_allclose(model.predict_on_batch(features), expected, atol=1e-5)


def test_dropout_in_further_training_does_not_depend_on_the_means_of_features() -> None:
    rng = np.random.default_rng(3)
    around_0 = rng.normal(size=(500, 40)).astype(np.float32)
    kernel = rng.normal(0, 0.1, (40, 1)).astype(np.float32)

    def spread(shift: float) -> float:
        """Return the standard deviation of the probability that dropout causes."""
        features, center = around_0 + np.float32(shift), np.full(40, shift, np.float32)
        model: Any = build_head(Head(kernel, -center @ kernel, center), dropout=0.2)
        expected = model(features, training=False)
        logits = np.log(expected / (1 - expected))
        np.testing.assert_allclose(logits, around_0 @ kernel, atol=1e-4)
        return float(np.std(model(features, training=True) - expected))

    assert spread(-4.0) == pytest.approx(spread(0.0), rel=0.2)


@pytest.mark.parametrize(
    ("num_outputs", "tta", "num_members"), [(1, "none", 1), (1, "flip", 3), (14, "flip", 1)]
)
def test_heads_on_one_backbone_answer_by_their_mean(
    num_outputs: int, tta: str, num_members: int, tmp_path: Any
) -> None:
    backbone = build_backbone()
    heads = [random_head(seed, num_outputs) for seed in range(num_members)]
    build_ensemble([build_head(head) for head in heads], backbone, tta).save(
        tmp_path / "model.keras"
    )
    model: Any = keras.models.load_model(tmp_path / "model.keras")
    views = [IMAGES, IMAGES[:, :, ::-1]] if tta == "flip" else [IMAGES]
    answers = [
        to_probabilities(head.logits(backbone.predict_on_batch(view)))
        for view in views
        for head in heads
    ]
    found = model.predict_on_batch(IMAGES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.mean(answers, axis=0), atol=1e-5)


def test_models_without_a_shared_backbone_answer_by_their_mean() -> None:
    heads = [build_head(random_head(seed, 1)) for seed in (1, 2)]
    members: list[Any] = [build_ensemble([head], build_backbone()) for head in heads]
    together: Any = build_ensemble(members, tta="flip")
    views = [IMAGES, IMAGES[:, :, ::-1]]
    answers = [member.predict_on_batch(view) for member in members for view in views]
    found = together.predict_on_batch(IMAGES)
    np.testing.assert_allclose(found, np.mean(answers, axis=0), atol=1e-5)


@pytest.mark.parametrize(("num_members", "tta"), [(1, "none"), (2, "flip")])
@pytest.mark.parametrize("is_staged", [False, True])
def test_the_features_of_the_first_network_are_a_second_output(
    num_members: int, tta: str, is_staged: bool
) -> None:
    backbones = [build_backbone() for _ in range(num_members)]
    center = np.ones(NUM_FEATURES, np.float32)
    members = [
        build_ensemble([build_head(replace(random_head(seed, 1), center=center), 0.2)], backbone)
        if is_staged
        else add_classifier(backbone, dropout=0.2)
        for seed, backbone in enumerate(backbones)
    ]
    model: Any = build_ensemble(members, tta=tta)
    both = add_features(model)
    expected = model.predict_on_batch(IMAGES), backbones[0].predict_on_batch(IMAGES)
    by_litert = zip(*LiteRtModel(convert(both), 1).predict_batches([IMAGES]), strict=True)
    for outputs in (both.predict_on_batch(IMAGES), [array for (array,) in by_litert]):
        for received, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(received, wanted, atol=1e-5)
