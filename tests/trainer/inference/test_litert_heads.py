"""Heads added to a converted backbone have the outputs of heads in NumPy."""

from typing import Any

import numpy as np
import pytest

from trainer.features.heads import Head, Matrix, to_probabilities
from trainer.features.keras_head import build_head
from trainer.inference.conversion import convert
from trainer.inference.litert import LiteRtModel
from trainer.inference.litert_heads import add_heads, join_converted
from trainer.models.ensemble import build_ensemble
from trainer.models.networks.backbone import join_backbones
from trainer.models.table import build_backbone

pytestmark = pytest.mark.slow

SIZE_PX = 24


@pytest.fixture(scope="module", params=[["cnn2"], ["cnn2", "cnn4"]])
def parts(request: pytest.FixtureRequest) -> list[Any]:
    return [build_backbone(name, SIZE_PX, "none") for name in request.param]


@pytest.fixture(scope="module")
def backbone(parts: list[Any]) -> Any:
    return join_backbones(parts)


@pytest.fixture(scope="module")
def converted(parts: list[Any]) -> bytes:
    contents = [convert(part) for part in parts]
    return join_converted(contents) if len(contents) > 1 else contents[0]


@pytest.mark.parametrize("tta", ["none", "flip"])
@pytest.mark.parametrize(("num_outputs", "num_members"), [(1, 1), (1, 3), (14, 1), (14, 2)])
def test_heads_have_the_outputs_of_numpy(
    backbone: Any, converted: bytes, num_outputs: int, num_members: int, tta: str
) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (3, SIZE_PX, SIZE_PX, 1), np.uint8)
    views = [images, images[:, :, ::-1]] if tta == "flip" else [images]
    features = [LiteRtModel(converted, 1).predict(view) for view in views]
    heads = [_draw_head(generator, features[0], num_outputs) for _ in range(num_members)]
    expected = np.mean(
        [to_probabilities(head.logits(each)) for each in features for head in heads], axis=0
    )
    model = build_ensemble([build_head(head) for head in heads], backbone, tta)
    received = LiteRtModel(add_heads(converted, model), 1).predict(images)
    np.testing.assert_allclose(received, expected, atol=1e-5)
    assert expected.std(axis=0).max() > 1e-3, "the outputs must depend on the image"


def _draw_head(generator: np.random.Generator, features: Matrix, num_outputs: int) -> Head:
    """Return a random head whose logits differ between the rows by about 1."""
    spread = features.std() * np.sqrt(features.shape[1])
    kernel = (generator.normal(0, 1, (features.shape[1], num_outputs)) / spread).astype(np.float32)
    return Head(kernel, -features.mean(axis=0) @ kernel)
