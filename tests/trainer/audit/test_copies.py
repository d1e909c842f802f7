"""Planted copies are found, views of other patients are not, and leaks are counted by fold."""

import cv2
import numpy as np
import polars as pl
import pytest

from tests.trainer.audit.phantoms import Images, draw_source, make_views, to_lake
from trainer.audit.copies.copies_table import COPIES_SCHEMA, describe_copies, find_leaking
from trainer.audit.copies.find_copies import find_copies
from trainer.audit.pixel_scan import scan_image

NUM = 30
COPIES = {
    "mirrored": lambda source: source[:, ::-1],
    "half the size": lambda source: cv2.resize(
        source, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
    ),
    "JPEG": lambda source: cv2.imdecode(
        cv2.imencode(".jpg", source, (cv2.IMWRITE_JPEG_QUALITY, 30))[1], cv2.IMREAD_GRAYSCALE
    ),
    "turned by 90": np.rot90,
    "turned by 180": lambda source: np.rot90(source, 2),
    "turned by 270, mirrored": lambda source: np.rot90(source[:, ::-1], 3),
}
ORIENTATIONS = {"mirrored": 1, "turned by 90": 2, "turned by 180": 4, "turned by 270, mirrored": 7}


@pytest.fixture(scope="module")
def sources() -> list[Images]:
    return [draw_source(number) for number in range(NUM)]


def _find(images: Images) -> list[tuple[int, int, int, float]]:
    scans = [scan_image(image) for image in images]
    bits, details = np.stack([s.bits for s in scans]), np.stack([s.detail for s in scans])
    return find_copies(bits, details, lambda rows: images[rows])


def test_clean_phantoms_have_no_copies(sources: list[Images]) -> None:
    assert _find(to_lake(sources)) == []


@pytest.mark.parametrize("kind", COPIES)
def test_every_copy_is_found_and_nothing_else(sources: list[Images], kind: str) -> None:
    copied = [np.ascontiguousarray(COPIES[kind](source)) for source in sources[:12]]
    found = _find(to_lake([*sources, *copied]))
    assert [(first, second) for first, second, _, _ in found] == [(n, NUM + n) for n in range(12)]
    assert {orientation for _, _, orientation, _ in found} == {ORIENTATIONS.get(kind, 0)}
    assert all(0.75 <= correlation <= 1.001 for *_, correlation in found)


def test_leaks_are_pairs_of_other_groups_across_training_and_prediction() -> None:
    views = make_views(8).with_columns(
        label=pl.Series([0, 0, 1, 1, 0, 0, 1, 1]),
        group=pl.Series([0, 1, 2, 2, 4, 5, 6, 7]),
        fold=pl.Series([0, 1, 0, 1, 0, None, 2, 2], dtype=pl.Int64),
        role=pl.Series(["out_of_fold"] * 5 + ["test"] + ["out_of_fold"] * 2),
        pixel_digest=pl.Series(["a", "a", "c", "d", "e", "f", "g", "h"]),
    )
    pairs = [(0, 1), (2, 3), (4, 5), (6, 7), (0, 2)]
    copies = describe_copies([(*pair, int(pair == (4, 5)), 0.9) for pair in pairs], views)
    assert copies.schema == pl.Schema(COPIES_SCHEMA)
    names = views["view_id"]
    assert {tuple(row) for row in copies.filter("leaks").select("view", "copy").iter_rows()} == {
        (names[0], names[1]),  # other folds
        (names[4], names[5]),  # train and test
    }
    assert dict(copies.select("view", "kind").filter(view=names[4]).iter_rows()) == {
        names[4]: "mirrored"
    }
    assert copies.filter(view=names[0], copy=names[1])["kind"].item() == "same_pixels"
    assert not copies.filter(view=names[0], copy=names[2])["same_label"].item()
    # the models of the folds were not trained on the test view
    assert find_leaking(copies, views) == {names[0], names[1], names[5]}
