"""Peaks of heat maps: in what makes a view abnormal, far more often than chance would have it."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from ingest.phantom.generate import generate
from ingest.phantom.options import PhantomOptions
from shared.lake.open import open_lake
from tests.commands import run
from tests.trainer.explain.lesions import find_lesions
from trainer.explain.layer_cam import LayerCam
from trainer.models.classifier_head import add_classifier
from trainer.models.table import build_backbone

pytestmark = pytest.mark.slow

SIZE_PX, MARK_PX, MARGIN_PX = 64, 8, 4
NUM_EPOCHS = {"cnn4": 8, "resnet_small": 4}


@pytest.mark.benchmark
def test_fractures_of_phantoms_are_found_by_the_pretrained_network(tmp_path: Path) -> None:
    tree = generate(PhantomOptions(out=str(tmp_path), views=240, part="humerus", seed=3))
    lake = tmp_path / "lake"
    out = tmp_path / "run"
    for words in (
        ("mura-ingest", tree, f"lake={lake}", "size=160"),
        ("mura-train", "part=humerus", f"lake={lake}", f"out={out}"),
    ):
        result = run(*words)
        assert result.returncode == 0, result.stderr
    found = find_lesions(out, open_lake(lake), tmp_path)
    assert found.num_views >= 18
    assert found.chance < 0.03
    assert found.share > 0.4, found


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["cnn4", "resnet_small"])
def test_marks_are_found_by_networks_trained_from_nothing(name: str) -> None:
    keras.utils.set_random_seed(1)
    model = add_classifier(build_backbone(name, SIZE_PX, "none"))
    model.compile("adam", "binary_crossentropy")
    images, labels, _ = _draw_views(160, seed=1)
    model.fit(images, labels, batch_size=32, epochs=NUM_EPOCHS[name], verbose="0")
    images, _, corners = _draw_views(120, seed=2)
    heat = LayerCam(model).explain(images[1::2])
    rows = heat.reshape(len(heat), -1).argmax(axis=1)
    peaks = np.stack(np.unravel_index(rows, (SIZE_PX, SIZE_PX)), axis=1)
    places = peaks - corners[1::2]
    is_near = ((places >= -MARGIN_PX) & (places < MARK_PX + MARGIN_PX)).all(axis=1)
    chance = ((MARK_PX + 2 * MARGIN_PX) / SIZE_PX) ** 2
    assert is_near.mean() > 6 * chance


def _draw_views(num_views: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images of blurred noise, labels, and corners of the mark that every other has."""
    random = np.random.default_rng(seed)
    noise = random.normal(90, 40, (num_views, SIZE_PX, SIZE_PX))
    images = np.stack([cv2.GaussianBlur(one, (0, 0), 2) for one in noise])
    corners = random.integers(MARK_PX, SIZE_PX - 2 * MARK_PX, (num_views, 2))
    for image, (top, left) in zip(images[1::2], corners[1::2], strict=True):
        image[top : top + MARK_PX, left : left + MARK_PX] += 80
    labels = (np.arange(num_views) % 2).astype(np.float32)
    return images.clip(0, 255).astype(np.uint8)[..., None], labels[:, None], corners
