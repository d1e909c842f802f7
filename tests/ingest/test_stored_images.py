"""However a lake stores its images, its manifest tells of the pixels that a reader gets."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from crc32c import crc32c

from shared.images.preprocessing.encoding import decode
from shared.images.preprocessing.prepare import prepare
from shared.images.spec import ImageSpec
from shared.lake.layout import LAKE_FILE
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.storage.atomic import digest
from tests.commands import call
from tests.conftest import SIZE_PX

pytestmark = pytest.mark.slow


def _stored(lake: Lake, row: dict[str, Any]) -> bytes:
    with (lake.root / row["shard"]).open("rb") as shard:
        shard.seek(row["image_offset"])
        return shard.read(row["image_bytes"])


def _ingest(tree: Path, root: Path, *words: str) -> Lake:
    result = call("mura-ingest", tree, f"lake={root}", f"size={SIZE_PX}", "workers=2", *words)
    assert result.returncode == 0, result.stderr
    return open_lake(root)


def test_png_stores_the_pixels_of_raw_in_less_room(
    lake: Lake, own_tree: Path, tmp_path: Path
) -> None:
    png = _ingest(own_tree, tmp_path / "lake", "encoding=png")
    columns = ["view_id", "mean", "std", "pixel_digest"]
    raw = lake.manifest.filter(lake.manifest["view_id"].is_in(png.manifest["view_id"].to_list()))
    assert png.manifest.select(columns).equals(raw.select(columns))
    assert int(png.manifest["image_bytes"].sum()) < 0.7 * int(raw["image_bytes"].sum())


@pytest.mark.parametrize(
    "words",
    [
        ("crop=field", "mask=markers", "contrast=percentile", "encoding=jpeg"),
        ("crop=field", "contrast=clahe", "encoding=png"),
    ],
)
def test_prediction_prepares_what_a_reader_gets(
    own_tree: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    lake = _ingest(own_tree, tmp_path / "lake", *words)
    chosen: dict[str, Any] = dict(word.split("=") for word in words)
    assert lake.image == ImageSpec(SIZE_PX, **chosen)
    facts = json.loads((lake.root / LAKE_FILE).read_text())["image"]
    assert chosen.items() <= facts.items()
    with ViewReader(lake, lake.manifest) as reader:
        read = reader.read(np.arange(len(reader)))
    assert call("mura-verify", f"lake={lake.root}").returncode == 0
    for row, image in zip(lake.manifest.iter_rows(named=True), read, strict=True):
        stored = _stored(lake, row)
        pixels = decode(stored, lake.image)
        grey = cv2.imread(str(own_tree / row["view_id"]), cv2.IMREAD_GRAYSCALE).astype(np.uint8)
        np.testing.assert_array_equal(pixels, prepare(grey, lake.image))
        np.testing.assert_array_equal(image[:, :, 0], pixels)
        assert row["image_crc32c"] == crc32c(stored)
        assert row["pixel_digest"] == digest(pixels.tobytes())
        assert row["mean"] == pytest.approx(pixels.mean())
        assert row["std"] == pytest.approx(pixels.std())
        assert (row["height_px"], row["width_px"]) == grey.shape
