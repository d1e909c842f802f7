"""Contrast against the formulas, written a second time from their sources."""

import numpy as np
import pytest

from shared.images.preprocessing.contrast import change_contrast


def _radiograph(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(2)
    ramp = np.linspace(20, 140, width) + np.linspace(0, 40, height)[:, None]
    return np.clip(ramp + rng.normal(0, 12, (height, width)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 40), (101, 7), (10, 10)])
def test_percentiles_are_stretched_to_black_and_white(shape: tuple[int, int]) -> None:
    grey = _radiograph(*shape)
    levels = np.sort(grey, axis=None).astype(int)
    low, high = levels[-(-grey.size // 100) - 1], levels[-(-99 * grey.size // 100) - 1]
    expected = [
        [min(255, max(0, round((int(level) - low) * 255 / (high - low)))) for level in row]
        for row in grey
    ]
    np.testing.assert_array_equal(change_contrast(grey, "percentile"), expected)


def test_percentiles_that_can_be_counted() -> None:
    grey = np.repeat(np.array([0, 100, 101, 149, 150, 255], np.uint8), [1, 49, 50, 50, 49, 1])
    stretched = change_contrast(grey.reshape(20, 10), "percentile")
    # of 200 pixels the 2nd has level 100 and the 198th level 150; 51 is 5.1, 249.9 is 250
    assert np.unique(stretched).tolist() == [0, 5, 250, 255]
    assert np.unique(stretched, return_counts=True)[1].tolist() == [50, 50, 50, 50]


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_flat_image_is_not_stretched(level: int) -> None:
    grey = np.full((20, 30), level, np.uint8)
    grey[0, 0] = 128
    np.testing.assert_array_equal(change_contrast(grey, "percentile"), grey)


def _clahe(grey: np.ndarray, clip_limit: float = 2.0, tiles: int = 8) -> np.ndarray:
    """Zuiderveld's method; an excess is given out evenly, its rest in even steps over the levels.

    For images that 8 x 8 tiles divide.
    """
    height, width = (side // tiles for side in grey.shape)
    size = height * width
    limit = max(1, int(clip_limit * size / 256))
    maps = np.empty((tiles, tiles, 256), np.float32)
    for row, column in np.ndindex(tiles, tiles):
        tile = grey[row * height : (row + 1) * height, column * width : (column + 1) * width]
        histogram = np.bincount(tile.ravel(), minlength=256)
        excess = int(np.maximum(histogram - limit, 0).sum())
        histogram = np.minimum(histogram, limit) + excess // 256
        if rest := excess % 256:
            histogram[:: max(256 // rest, 1)][:rest] += 1
        maps[row, column] = np.clip(
            np.rint(np.cumsum(histogram, dtype=np.float32) * np.float32(255 / size)), 0, 255
        )

    def neighbours(side: int, tile_side: int) -> tuple[np.ndarray, ...]:
        place = np.arange(side, dtype=np.float32) * np.float32(1 / tile_side) - np.float32(0.5)
        first = np.floor(place)
        both = np.clip([first, first + 1], 0, tiles - 1).astype(int)
        return *both, place - first

    top, bottom, down = (a[:, None] for a in neighbours(grey.shape[0], height))
    left, right, across = neighbours(grey.shape[1], width)
    upper = maps[top, left, grey] * (1 - across) + maps[top, right, grey] * across
    lower = maps[bottom, left, grey] * (1 - across) + maps[bottom, right, grey] * across
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 64), (224, 160), (320, 320)])
def test_clahe_is_zuidervelds(shape: tuple[int, int]) -> None:
    grey = _radiograph(*shape)
    equalized = change_contrast(grey, "clahe")
    assert not np.array_equal(equalized, grey)
    np.testing.assert_array_equal(equalized, _clahe(grey))


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (16, 9)])
def test_clahe_takes_images_that_tiles_do_not_divide(shape: tuple[int, int]) -> None:
    grey = _radiograph(*shape)
    equalized = change_contrast(grey, "clahe")
    assert equalized.shape == shape
    np.testing.assert_array_equal(equalized, change_contrast(grey, "clahe"))


def test_no_contrast_is_the_image_itself() -> None:
    grey = _radiograph(9, 9)
    assert change_contrast(grey, "none") is grey
