"""resnet_small learns in few steps, and what it learnt holds where nothing is trained."""

from typing import Any

import keras
import numpy as np
import pytest

from trainer.models.classifier_head import add_classifier
from trainer.models.table import build_backbone

pytestmark = pytest.mark.slow

SIZE_PX = 64


def _draw(num_views: int, seed: int) -> tuple[Any, Any]:
    """Half of the views have a thin line; exposure and contrast differ from view to view."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0, 1, (num_views, SIZE_PX, SIZE_PX, 1))
    labels = np.arange(num_views) % 2
    for image, label, row in zip(images, labels, rng.integers(12, 48, num_views), strict=True):
        image[row : row + 3, 12:50] += 4 * label
    scale, offset = (
        rng.uniform(5, 15, (num_views, 1, 1, 1)),
        rng.uniform(60, 150, (num_views, 1, 1, 1)),
    )
    return (images * scale + offset).clip(0, 255).astype(np.uint8), labels


def test_a_fine_line_is_learnt_whatever_the_exposure() -> None:
    keras.utils.set_random_seed(0)
    model: Any = add_classifier(build_backbone("resnet_small", SIZE_PX, "none"), dropout=0.2)
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    model.fit(*_draw(128, seed=0), batch_size=16, epochs=6, verbose=0)
    images, labels = _draw(64, seed=1)
    assert ((model(images)[:, 0] > 0.5) == labels).numpy().mean() > 0.9
