"""Burnt-in letters are painted over; bones, implants and borders stay byte for byte."""

from itertools import product
from typing import get_args

import cv2
import numpy as np
import pytest

from shared.images.preprocessing.markers import remove_markers
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import Crop, Fit, ImageSpec

HEIGHT, WIDTH = 320, 240


def _draw_air() -> np.ndarray:
    """A noisy dark field on a black border."""
    film = np.zeros((HEIGHT, WIDTH), np.uint8)
    film[10:-10, 10:-10] = np.random.default_rng(3).integers(
        18, 28, (HEIGHT - 20, WIDTH - 20), np.uint8
    )
    return film


def _film() -> np.ndarray:
    """A bone in soft tissue that runs through the field."""
    film = _draw_air()
    film[:, 80:165] = 90
    film[:, 100:140] = 190
    return film


def _write(film: np.ndarray, text: str = "R") -> np.ndarray:
    return cv2.putText(film, text, (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1, (250,), 3)


@pytest.mark.parametrize("turns", range(4))
def test_a_letter_in_the_dark_ring_is_painted_over(turns: int) -> None:
    clean, marked = (np.rot90(f, turns).copy() for f in (_film(), _write(_film())))
    before, painted = marked.copy(), remove_markers(marked)
    np.testing.assert_array_equal(marked, before)
    changed = marked != clean
    # the box has levels of its dark surroundings, and nothing else changes
    assert painted[changed].max() <= 28
    assert painted[changed].min() >= 18
    # 1 % of 320 px, and the dilation of a closed stroke
    near = cv2.dilate(changed.astype(np.uint8), np.ones((13, 13), np.uint8))
    rows, columns = (np.nonzero(near.any(axis))[0] for axis in (1, 0))
    outside = np.ones_like(changed)
    outside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = False
    np.testing.assert_array_equal(painted[outside], clean[outside])


def _draw_implant() -> np.ndarray:
    film = _film()
    film[130:190, 112:118] = 255
    return cv2.circle(film, (120, 150), 5, (255,), cv2.FILLED)


def _draw_border() -> np.ndarray:
    film = _film()
    film[:6] = film[-6:] = film[:, :6] = film[:, -6:] = 255
    return film


def _draw_bone_to_the_edge() -> np.ndarray:
    film = _draw_air()
    film[240:-10, 90:150] = 70
    film[250:-10, 110:130] = 220
    return film


def _draw_bone_in_a_corner() -> np.ndarray:
    film = _film()
    cv2.fillPoly(film, [np.array([[0, 0], [70, 0], [0, 70]])], (110,))
    cv2.line(film, (0, 30), (30, 0), (230,), 8)
    return film


@pytest.mark.parametrize(
    "film",
    [
        _film(),
        255 - _write(_film()),
        _draw_implant(),
        _draw_border(),
        _draw_bone_to_the_edge(),
        _draw_bone_in_a_corner(),
        np.full((HEIGHT, WIDTH), 255, np.uint8),
        np.full((1, WIDTH), 90, np.uint8),
        np.zeros((1, 1), np.uint8),
    ],
    ids=["edge", "inverted", "implant", "border", "to_edge", "corner", "white", "line", "dot"],
)
def test_other_bright_shapes_are_left_alone(film: np.ndarray) -> None:
    before = film.copy()
    assert remove_markers(film) is film
    np.testing.assert_array_equal(film, before)


def test_markers_do_not_depend_on_threads_and_instructions() -> None:
    marked = _write(_write(_film()), "L 23")
    expected = remove_markers(marked)
    try:
        for threads, fast in product((1, 4), (False, True)):
            cv2.setNumThreads(threads)
            cv2.setUseOptimized(fast)
            np.testing.assert_array_equal(remove_markers(marked), expected)
    finally:
        cv2.setNumThreads(-1)
        cv2.setUseOptimized(True)


@pytest.mark.parametrize(
    ("fit", "crop", "size"), list(product(get_args(Fit), get_args(Crop), (64, 200, 512)))
)
def test_a_letter_is_removed_at_every_size(fit: Fit, crop: Crop, size: int) -> None:
    marked, clean = (
        prepare(film, ImageSpec(size, fit, crop, "markers")) for film in (_write(_film()), _film())
    )
    kept = prepare(_write(_film()), ImageSpec(size, fit, crop))
    np.testing.assert_array_equal(clean, prepare(_film(), ImageSpec(size, fit, crop)))
    changed = kept > clean + 60
    assert changed.any()
    assert np.abs(marked[changed].astype(int) - clean[changed]).max() < 30


def test_a_marker_does_not_decide_on_the_contrast() -> None:
    dark = _film() // 2
    spec = ImageSpec(320, mask="markers", contrast="percentile")
    marked, clean = (prepare(film, spec) for film in (_write(dark.copy()), dark))
    bone = np.s_[:, 140:180]
    np.testing.assert_array_equal(marked[bone], clean[bone])
