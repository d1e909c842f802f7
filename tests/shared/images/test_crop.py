"""The collimated field is found among borders, letters and noise; what has none is left alone."""

import cv2
import numpy as np
import pytest

from shared.images.preprocessing.crop import crop_to_field

HEIGHT, WIDTH = 400, 300
TOP, BOTTOM, LEFT, RIGHT = 90, 330, 60, 250


def _noise(high: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, high, (HEIGHT, WIDTH), np.uint8)


def _film(border: np.ndarray | int = 0) -> np.ndarray:
    """A field of air, tissue and bone on a border."""
    film = np.full((HEIGHT, WIDTH), border, np.uint8)
    field = film[TOP:BOTTOM, LEFT:RIGHT]
    field[:] = 40
    cv2.circle(field, (90, 120), 70, (120,), cv2.FILLED)
    cv2.rectangle(field, (75, 0), (110, 240), (210,), cv2.FILLED)
    return film


def _place(film: np.ndarray) -> tuple[int, int, int, int]:
    """Where what is kept lies in the film: top, bottom, left, right."""
    kept = crop_to_field(film)
    assert kept.base is film
    top, left = divmod(kept.ctypes.data - film.ctypes.data, film.shape[1])
    return top, top + kept.shape[0], left, left + kept.shape[1]


def assert_is_field(
    film: np.ndarray, field: tuple[int, int, int, int] = (TOP, BOTTOM, LEFT, RIGHT)
) -> None:
    """The field is kept whole, with no more than a margin of 3 % around it."""
    outward = np.subtract(_place(film), field) * (-1, 1, -1, 1)
    assert (outward >= 0).all(), outward
    assert (outward <= 0.03 * HEIGHT).all(), outward


@pytest.mark.parametrize("border", [0, 3, 20])
def test_a_field_on_black(border: int) -> None:
    assert_is_field(_film(border))


@pytest.mark.parametrize("high", [4, 10, 25])
def test_a_field_on_noisy_black(high: int) -> None:
    assert_is_field(_film(_noise(high)))


def test_an_inverted_field_on_white() -> None:
    assert_is_field(255 - _film())
    assert_is_field(255 - _film(_noise(10)))


def test_an_inverted_field_on_black() -> None:
    film = _film()
    film[TOP:BOTTOM, LEFT:RIGHT] = 255 - film[TOP:BOTTOM, LEFT:RIGHT]
    assert_is_field(film)


def test_a_letter_and_a_line_outside_do_not_count() -> None:
    film = _film()
    cv2.putText(film, "L 23", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255,), 6)
    cv2.line(film, (280, 0), (280, HEIGHT), (255,), 1)
    film[:, 0] = 255
    assert_is_field(film)


def test_a_border_on_one_side_is_enough() -> None:
    film = _film()[TOP:BOTTOM, LEFT:].copy()
    assert_is_field(film, (0, BOTTOM - TOP, 0, RIGHT - LEFT))


def test_a_turned_field_keeps_its_corners() -> None:
    corners = cv2.boxPoints(((150, 200), (160, 240), 12))
    film = cv2.fillConvexPoly(np.zeros((HEIGHT, WIDTH), np.uint8), corners.astype(np.int32), (80,))
    rows, columns = np.nonzero(film)
    assert_is_field(film, (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1))


def test_both_hands_are_kept() -> None:
    film = np.zeros((HEIGHT, WIDTH), np.uint8)
    film[100:300, 40:120] = 150
    film[120:280, 180:240] = 150
    assert_is_field(film, (100, 300, 40, 240))


@pytest.mark.parametrize(
    "film",
    [
        _film()[TOP:BOTTOM, LEFT:RIGHT],
        _film(60),
        np.clip(_noise(200) + 40, 0, 255),
        np.zeros((HEIGHT, WIDTH), np.uint8),
        np.full((HEIGHT, WIDTH), 255, np.uint8),
        np.full((1, WIDTH), 90, np.uint8),
        np.full((1, 1), 0, np.uint8),
    ],
    ids=["full", "grey", "noise", "black", "white", "line", "dot"],
)
def test_what_has_no_border_is_left_alone(film: np.ndarray) -> None:
    assert crop_to_field(film).shape == film.shape


def test_a_letter_alone_is_no_field() -> None:
    film = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(film, "R", (30, 80), cv2.FONT_HERSHEY_SIMPLEX, 2, (255,), 8)
    assert crop_to_field(film).shape == film.shape
