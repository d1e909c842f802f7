"""What a reader of a lake gets is what prediction prepares, step by step as the spec says."""

from itertools import product
from typing import get_args

import cv2
import numpy as np
import pytest

from shared.images.preprocessing.contrast import change_contrast
from shared.images.preprocessing.encoding import decode
from shared.images.preprocessing.prepare import prepare, prepare_and_encode
from shared.images.spec import Contrast, Crop, Encoding, ImageSpec, Mask


def _film() -> np.ndarray:
    film = np.zeros((300, 200), np.uint8)
    noise = np.random.default_rng(4).normal(0, 5, (200, 100))
    film[40:240, 50:150] = np.linspace(50, 150, 100) + noise
    return film


@pytest.mark.parametrize("words", list(product(*map(get_args, (Crop, Mask, Contrast, Encoding)))))
def test_the_stored_bytes_decode_to_the_prepared_pixels(words: tuple) -> None:
    spec = ImageSpec(96, "pad", *words)
    pixels, stored = prepare_and_encode(_film(), spec)
    assert (pixels.shape, pixels.dtype) == ((96, 96), np.uint8)
    np.testing.assert_array_equal(decode(stored, spec), pixels)
    np.testing.assert_array_equal(prepare(_film(), spec), pixels)


def test_a_field_is_cut_before_it_is_resized() -> None:
    film = _film()
    cut, whole = (prepare(film, ImageSpec(96, "stretch", crop)) for crop in ("field", "none"))
    assert (whole > 30).mean() < 0.4
    assert (cut > 30).mean() > 0.9


@pytest.mark.parametrize("contrast", ["percentile", "clahe"])
def test_contrast_comes_after_resizing_and_before_the_pad(contrast: Contrast) -> None:
    grey = np.random.default_rng(8).integers(60, 120, (200, 100), np.uint8)
    prepared = prepare(grey, ImageSpec(100, contrast=contrast))
    resized = cv2.resize(grey, (50, 100), interpolation=cv2.INTER_AREA).astype(np.uint8)
    np.testing.assert_array_equal(prepared[:, 25:75], change_contrast(resized, contrast))
    assert not prepared[:, :25].any()
    assert not prepared[:, 75:].any()


def test_an_image_that_fits_once_cut_is_stored_like_any_other() -> None:
    spec = ImageSpec(104, crop="field")
    film = np.zeros((300, 200), np.uint8)
    film[60:158, 50:148] = 90
    pixels, stored = prepare_and_encode(film, spec)
    assert pixels.tobytes() == stored
    assert pixels.flags.c_contiguous
    assert pixels.data.c_contiguous
