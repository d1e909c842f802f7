"""The contact sheet: example radiographs of each body part and label."""

from typing import Any

import numpy as np
import polars as pl

from shared.labels import order_parts
from shared.lake.open import Lake
from shared.lake.reader import ViewReader
from trainer.report.template import to_thumbnail

# the most of each body part and label
NUM_VIEWS = 6


def choose_views(manifest: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Choose up to `NUM_VIEWS` views per body part and label, of different patients if possible."""
    order = np.random.default_rng(seed).permutation(manifest.height)
    # sorted, so that the choice depends on the views and the seed only
    shuffled = manifest.sort("view_id").with_columns(order=pl.Series(order, dtype=pl.Int64))
    # the first view of each patient comes before the second of any
    keys = ["body_part", "label"]
    turn = pl.col("order").rank("ordinal").over(*keys, "patient_id").alias("turn")
    in_turns = shuffled.with_columns(turn).sort("turn", "order")
    chosen = in_turns.group_by(keys, maintain_order=True).head(NUM_VIEWS)
    part = pl.col("body_part").cast(pl.Enum(order_parts(manifest["body_part"])))
    return chosen.sort(part, "label", "turn", "order").select(manifest.columns)


def read_thumbnails(lake: Lake, views: pl.DataFrame) -> list[dict[str, Any]]:
    """Return id, body part and label of each view, and its thumbnail as a `data:` URL, `uri`."""
    with ViewReader(lake, views) as reader:
        # one at a time, because memory may not hold all
        images = (reader.read(np.array([row]))[0, ..., 0] for row in range(views.height))
        uris = pl.Series(list(map(to_thumbnail, images)), dtype=pl.String)
    return views.select("view_id", "body_part", "label", uri=uris).to_dicts()
