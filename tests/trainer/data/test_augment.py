"""Augmentation changes what it says and no more, and the same for the same seed and number."""

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.commands import PROJECT
from trainer.data.augment import augment, augment_batches
from trainer.data.augment_ranges import CHANGES
from trainer.options import Augment

pytestmark = pytest.mark.slow

SIZE_PX = 96
CENTRE = (SIZE_PX - 1) / 2
LEVELS: tuple[Augment, ...] = ("light", "strong")


def _noise(num_views: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(
        0, 256, (num_views, SIZE_PX, SIZE_PX, 1), dtype=np.uint8
    )


def _augment(images: np.ndarray, level: Augment, seed: int, number: int) -> np.ndarray:
    return np.asarray(augment(tf.constant(images), level, seed, number))


def _disc(x: float, y: float, radius: float, grey: int) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX]
    inside = np.hypot(columns - CENTRE - x, rows - CENTRE - y) < radius
    return np.where(inside, grey, 0).astype(np.uint8)[..., None]


def _middles(images: np.ndarray) -> np.ndarray:
    """Return where, about the centre, bright pixels are: x and y, (views, 2)."""
    inside = images[..., 0] > 127
    return np.array([np.argwhere(mask).mean(axis=0)[::-1] - CENTRE for mask in inside])


def _are_inverted(images: np.ndarray) -> np.ndarray:
    """Return which of dark images are inverted, (views,)."""
    return np.median(images, axis=(1, 2, 3)) > 127


def test_strong_flips_and_inverts_a_tenth() -> None:
    up = _augment(np.stack([_disc(0, -28, 10, 255)] * 500), "strong", 6, 0)
    inverted = _are_inverted(up)
    assert 0.06 < inverted.mean() < 0.14
    heights = [np.median(np.argwhere(mask)[:, 0]) for mask in up[~inverted][..., 0] > 160]
    assert 0.06 < (np.array(heights) > CENTRE).mean() < 0.14


def test_the_page_repeats_the_table() -> None:
    page = (PROJECT / "docs" / "augmentation.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|", page, re.MULTILINE)
    light, strong = (vars(CHANGES[level]) for level in LEVELS)
    assert rows == [(name, f"{light[name]:g}", f"{strong[name]:g}") for name in light]
    assert (PROJECT / "docs" / "augmentation.png").stat().st_size < 150_000


def test_light_turns_by_up_to_30_degrees_and_mirrors() -> None:
    # the hands of a clock at three o'clock; the same seed and number move both alike
    up, right = (
        _middles(_augment(np.stack([_disc(x, y, 6, 255)] * 400), "light", 1, 0))
        for x, y in ((0, -30), (30, 0))
    )
    np.testing.assert_allclose(np.hypot(*up.T), 30, atol=0.5)
    degrees = np.degrees(np.arctan2(up[:, 0], -up[:, 1]))
    assert np.abs(degrees).max() < 30.5
    assert degrees.min() < -27
    assert degrees.max() > 27
    # at a right angle on one side or the other
    across = (-up[:, 1] * right[:, 0] + up[:, 0] * right[:, 1]) / 900
    np.testing.assert_allclose(np.abs(across), 1, atol=0.05)
    assert 0.4 < (across < 0).mean() < 0.6
    # neither the way nor the angle is told by the other
    assert abs(np.corrcoef(degrees, across)[0, 1]) < 0.15


def test_light_leaves_the_greys_of_what_stays_inside() -> None:
    disc = np.stack([_disc(0, 0, 25, 180)] * 20)
    turned = _augment(disc, "light", 3, 5)
    middle = slice(SIZE_PX // 2 - 10, SIZE_PX // 2 + 10)
    assert (np.abs(turned[:, middle, middle].astype(int) - 180) <= 1).all()


def test_strong_shifts_and_zooms_as_far_as_it_says() -> None:
    radius = 22
    strong = _augment(np.stack([_disc(0, 0, radius, 255)] * 300), "strong", 2, 0)
    inside = strong[~_are_inverted(strong)][..., 0] > 160
    # the median row and column of the disc: rectangles hardly move them
    middles = np.array([np.median(np.argwhere(mask), axis=0) - CENTRE for mask in inside])
    assert np.abs(middles).max() < 0.1 * SIZE_PX + 4
    assert np.abs(middles).max(axis=0).min() > 0.08 * SIZE_PX
    radii = np.sqrt(inside.sum(axis=(1, 2)) / np.pi)
    assert np.quantile(radii, 0.05) == pytest.approx(radius / 1.22, rel=0.08)
    assert np.quantile(radii, 0.95) == pytest.approx(radius * 1.22, rel=0.08)


def test_strong_changes_greys_and_wraps_none_around() -> None:
    white, black = np.full((2, 200, SIZE_PX, SIZE_PX, 1), [[[[[255]]]], [[[[0]]]]], np.uint8)
    middle = slice(SIZE_PX // 3, SIZE_PX * 2 // 3)
    light, dark = (_augment(images, "strong", 4, 1) for images in (white, black))
    # the same draws
    upright = ~_are_inverted(dark)
    light, dark = (images[upright, middle, middle].astype(int) for images in (light, dark))
    # (255 - 127.5) * 0.7 + 127.5 - 25 and noise; some pixels are in rectangles of any grey
    assert (light < 170).mean() < 0.05
    assert (dark > 85).mean() < 0.05
    brightness = np.median(dark, axis=(1, 2, 3))
    assert brightness.min() == 0
    assert 40 < brightness.max() < 70
    noise = np.std(np.diff(light[:, :, 5:7, 0], axis=2), axis=(1, 2)) / np.sqrt(2)
    assert np.median(noise) < 12


@pytest.mark.parametrize("level", LEVELS)
def test_seed_and_number_decide(level: Augment) -> None:
    images = _noise(4)
    first = _augment(images, level, 1, 7)
    assert first.dtype == np.uint8
    assert first.shape == images.shape
    np.testing.assert_array_equal(first, _augment(images, level, 1, 7))
    for seed, number in ((1, 8), (2, 7), (7, 1)):
        other = _augment(images, level, seed, number)
        assert all((one != two).any() for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_a_view_does_not_depend_on_the_others_of_its_batch(level: Augment) -> None:
    images = _noise(6)
    whole = _augment(images, level, 1, 0)
    others = np.concatenate([_noise(3, seed=9), images[3:]])
    np.testing.assert_array_equal(_augment(others, level, 1, 0)[3:], whole[3:])
    np.testing.assert_array_equal(_augment(images[:3], level, 1, 0), whole[:3])
    same = _augment(np.stack([images[0]] * 6), level, 1, 0)
    assert len({image.tobytes() for image in same}) == 6


def _batches(images: np.ndarray) -> tf.data.Dataset:
    rows = np.arange(len(images), dtype=np.float32)
    return tf.data.Dataset.from_tensor_slices((images, rows[:, None], rows / 2)).batch(4)


@pytest.mark.parametrize("level", LEVELS)
def test_batches_are_changed_by_their_number_also_from_the_middle_on(level: Augment) -> None:
    batches = _batches(_noise(18))
    changed: list[Any] = list(augment_batches(batches, level, seed=3))
    assert len(changed) == 5
    for number, ((images, *rest), (result, *same)) in enumerate(zip(batches, changed, strict=True)):
        np.testing.assert_array_equal(result, _augment(images.numpy(), level, 3, number))
        for before, after in zip(rest, same, strict=True):
            np.testing.assert_array_equal(before, after)
    going_on: list[Any] = list(augment_batches(batches.skip(2), level, seed=3, first_batch=2))
    for (result, *_), (again, *_) in zip(changed[2:], going_on, strict=True):
        np.testing.assert_array_equal(result, again)


def test_none_leaves_batches_alone_and_shapes_stay_known() -> None:
    batches = _batches(_noise(8))
    assert augment_batches(batches, "none", seed=0) is batches
    spec: Any = augment_batches(batches, "strong", seed=0).element_spec
    assert spec[0].shape == (None, SIZE_PX, SIZE_PX, 1)


def test_sides_need_not_be_even() -> None:
    images = np.full((2, 17, 17, 1), 90, np.uint8)
    assert _augment(images, "strong", 0, 0).shape == images.shape
