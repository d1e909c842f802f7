"""Variants of views: reproducible, within their ranges, and read like the views themselves."""

import cv2
import numpy as np
import pytest

from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.features.variants import MIRRORED, PLAIN, Variant, list_rows

SIZE_PX = 96


def draw_square(grey: int = 120) -> np.ndarray:
    image = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    image[32:64, 32:64] = grey
    return image


def test_rows_are_the_view_its_mirror_image_then_random_changes() -> None:
    assert list_rows(1, 3) == [PLAIN]
    assert list_rows(2, 3) == [PLAIN, MIRRORED]
    light = [Variant("light", 3, number) for number in range(2)]
    assert list_rows(4, 3) == [PLAIN, MIRRORED, *light]


def test_a_random_change_depends_on_seed_number_and_view() -> None:
    image = np.random.default_rng(0).integers(0, 256, (SIZE_PX, SIZE_PX), np.uint8)
    variants = [Variant("light", seed, number) for seed in (0, 1) for number in (0, 1)]
    made = [variant.make(image, view) for variant in variants for view in ("a", "b")]
    assert len({each.tobytes() for each in made}) == len(made)
    np.testing.assert_array_equal(variants[0].make(image, "a"), made[0])


def test_changes_stay_within_their_ranges_and_use_them() -> None:
    image, found = draw_square(), []
    for number in range(200):
        changed = Variant("light", 0, number).make(image, "view")
        assert changed.shape == image.shape
        square = (changed.astype(int) - int(changed[0, 0]) > 40).astype(np.uint8)
        contours, _ = cv2.findContours(square, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        (x, y), sides, _ = cv2.minAreaRect(max(contours, key=len))
        found.append((x - 47.5, y - 47.5, (sides[0] + 1) / 32, float(changed[int(y), int(x)])))
    shift_x, shift_y, zoom, grey = np.array(found).T
    assert np.abs([shift_x, shift_y]).max() < 0.05 * SIZE_PX + 1
    assert np.abs([shift_x, shift_y]).max() > 0.04 * SIZE_PX
    assert 0.85 < zoom.min() < 0.95
    assert 1.15 < zoom.max() < 1.3
    assert 0.8 * 120 - 16 < grey.min() < 0.9 * 120
    assert 1.1 * 120 < grey.max() < 1.25 * 120 + 16


@pytest.mark.parametrize("variant", list_rows(3, 0))
def test_a_reader_returns_the_variant_of_each_view_in_any_order(
    variant: Variant, lake: Lake
) -> None:
    views = lake.manifest.head(5)
    rows = np.array([3, 0, 4])
    with ViewReader(lake, views) as plain, variant.open(lake, views) as reader:
        images, found = plain.read(rows), reader.read(rows)
    for image, made, row in zip(images, found, rows, strict=True):
        expected = variant.make(image[..., 0], views["view_id"][int(row)])
        np.testing.assert_array_equal(made[..., 0], expected)
