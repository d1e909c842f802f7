"""Stored pixels are what OpenCV alone gives."""

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from shared.images.preprocessing.prepare import prepare
from shared.images.spec import Fit, ImageSpec


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def by_opencv_alone(path: Path, spec: ImageSpec) -> np.ndarray:
    """The expected pixels, written a second time from the spec with nothing of the project."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    height, width = grey.shape
    if spec.fit == "stretch":
        new_width = new_height = spec.size
    elif width >= height:
        new_width, new_height = spec.size, max(1, round(height * spec.size / width))
    else:
        new_width, new_height = max(1, round(width * spec.size / height)), spec.size
    smaller = new_width * new_height < width * height
    if (new_width, new_height) != (width, height):
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (new_width, new_height), interpolation=method)
    top, left = (spec.size - new_height) // 2, (spec.size - new_width) // 2
    bottom, right = spec.size - new_height - top, spec.size - new_width - left
    return cv2.copyMakeBorder(grey, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[0])


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize(
    "shape", [(512, 300), (90, 512), (320, 320), (33, 47), (1, 512), (512, 1), (5, 3)]
)
def test_pixels_are_those_of_opencv(fit: Fit, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    pixels = _noise(*shape)
    cv2.imwrite(str(path), pixels)
    spec = ImageSpec(64, fit)
    stored = prepare(pixels, spec)
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored, by_opencv_alone(path, spec))


def test_padding_keeps_aspect_and_centres() -> None:
    stored = prepare(np.full((200, 100), 255, np.uint8), ImageSpec(100, "pad"))
    assert (stored[:, 25:75] == 255).all()
    assert not stored[:, :25].any()
    assert not stored[:, 75:].any()
