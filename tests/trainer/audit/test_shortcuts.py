"""A planted marker is found as the shortcut, and clean phantoms raise no alarm."""

from typing import get_args

import cv2
import numpy as np
import polars as pl
import pytest

from shared.images.preprocessing.markers import Blob, find_markers, paint_over
from shared.images.spec import Mask
from tests.trainer.audit.phantoms import SIZE_PX, Images, draw_source, make_views, to_lake
from trainer.audit.pixel_scan import scan_image
from trainer.audit.shortcuts.hidden_regions import find_bone, hide
from trainer.audit.shortcuts.image_properties import PROPERTIES, list_properties, score_properties
from trainer.audit.shortcuts.marker_effect import measure_effect
from trainer.audit.shortcuts.shortcut_score import score_features

NUM = 60
MARKER = Blob(3, 3, 6, 7)
WHOLE = (slice(0, SIZE_PX), slice(0, SIZE_PX))


@pytest.fixture(scope="module")
def images() -> Images:
    return to_lake([draw_source(number) for number in range(NUM)])


def _mark(image: Images) -> Images:
    """Return the image with a letter L on a dark plate, in the corner."""
    marked = image.copy()
    marked[:14, :14] = 15
    x, y, width, height = MARKER
    marked[y : y + height, x : x + 2] = 250
    marked[y + height - 2 : y + height, x : x + width] = 250
    return marked


def _score(images: Images, views: pl.DataFrame) -> dict[str, bool]:
    scan = [scan_image(image) for image in images]
    scores = score_properties(views, list_properties(views, scan))
    return {score.name: score.is_alarm for score in scores}


def test_a_marker_is_found_where_it_is(images: Images) -> None:
    found = find_markers(_mark(images[0]), WHOLE)
    assert MARKER in found
    assert MARKER not in find_markers(images[0], WHOLE)


def test_painting_over_a_marker_removes_it(images: Images) -> None:
    marked = _mark(images[0])
    painted = paint_over(marked, [MARKER])
    assert painted[:14, :14].max() < 40
    assert np.array_equal(painted[14:], marked[14:])


def test_properties_of_clean_phantoms_raise_no_alarm(images: Images) -> None:
    alarms = _score(images, make_views(NUM))
    assert list(alarms) == ["all of them", *PROPERTIES]
    assert not any(alarms.values())


def test_a_marker_bound_to_the_label_is_the_shortcut(images: Images) -> None:
    views = make_views(NUM)
    marked = np.stack(
        [_mark(i) if label else i for i, label in zip(images, views["label"], strict=True)]
    )
    alarms = _score(marked, views)
    assert alarms["all of them"]
    assert alarms["markers"]
    assert not alarms["width and height"]
    assert not alarms["channels and bytes per pixel"]


def test_in_a_lake_without_markers_the_letter_does_not_tell_the_label() -> None:
    views, random = make_views(NUM), np.random.default_rng(0)
    sources = [draw_source(number).copy() for number in range(NUM)]
    for source, label in zip(sources, views["label"], strict=True):
        source[:44, :44] = random.integers(10, 22, (44, 44), np.uint8)
        if label:
            x, y = random.integers(4, 20, 2).tolist()
            cv2.putText(source, "P", (x, y + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (250,), 3)
    for mask in get_args(Mask):
        is_alarm = mask == "none"
        lake = to_lake(sources, mask)
        assert _score(lake, views)["markers"] == is_alarm
        # a model that sees every pixel
        head = score_features(mask, lake.reshape(NUM, -1).astype(np.float32), views, 1.0)
        assert head.bounds is not None
        assert (head.bounds.low > 0.8, head.bounds.low < 0.5) == (is_alarm, not is_alarm)


def test_an_aspect_ratio_bound_to_the_label_is_the_shortcut(images: Images) -> None:
    views = make_views(NUM).with_columns(
        height_px=(pl.col("width_px") * (1 + 0.5 * pl.col("label"))).cast(pl.Int64)
    )
    alarms = _score(images, views)
    assert alarms["aspect ratio"]
    assert not alarms["brightness and contrast"]


def test_only_a_model_that_looks_at_markers_changes_its_decisions(images: Images) -> None:
    marked = np.stack([_mark(image) for image in images[:40]])
    markers = [[MARKER]] * 40

    def look_at_marker(views: Images) -> np.ndarray:
        return views[:, 3:10, 3:9].max(axis=(1, 2)) / 255

    def look_at_bone(views: Images) -> np.ndarray:
        return views[:, 20:44, 20:44].mean(axis=(1, 2)) / 255

    effect = measure_effect(look_at_marker, marked, markers, 0.5, seed=0)
    assert effect.num_views == effect.by_markers == 40
    assert effect.by_patches < 10
    assert effect.is_alarm

    threshold = float(np.median(look_at_bone(marked)))
    effect = measure_effect(look_at_bone, marked, markers, threshold, seed=0)
    assert effect.by_markers == 0
    assert not effect.is_alarm


def test_the_bone_and_the_rest_are_hidden(images: Images) -> None:
    image = np.full((SIZE_PX, SIZE_PX), 10, np.uint8)
    image[10:50, 20:40] = 200
    image[2:5, 2:5] = 255
    rows, columns = find_bone(image)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (10, 50, 20, 40)
    without_bone, without_border = hide(image, "bone"), hide(image, "border")
    assert (without_bone[10:50, 20:40] == 10).all()
    assert without_bone[2, 2] == 255
    assert (without_border[10:50, 20:40] == 200).all()
    assert without_border[2, 2] == 10
    for real in images[:5]:
        box = find_bone(real)
        assert (hide(real, "bone")[box] == np.median(real)).all()
