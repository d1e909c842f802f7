"""Hardware-like areas, such as plates, screws and wires, and the scores without them."""

from collections.abc import Sequence

import polars as pl

from shared.images.pixels import Pixels
from shared.images.preprocessing.crop import Box
from shared.images.preprocessing.markers import Blob, measure_rise
from trainer.audit.shortcuts.shortcut_score import Score, measure_score

# grey levels of metal: nearly white, and brighter than the bone around it
_MIN_RISE, _MIN_LEVEL = 70, 240
MIN_METAL_SHARE = 0.001
"""A view with a larger fraction of metal in its field counts as one with hardware."""


def measure_metal(image: Pixels, field: Box, markers: Sequence[Blob]) -> float:
    """Return the fraction of the field that looks like metal, without markers.

    Args:
        image: uint8 (size, size).
        field: rows and columns of the collimated field.
        markers: boxes to leave out.
    """
    metal = (measure_rise(image) >= _MIN_RISE) & (image >= _MIN_LEVEL)
    for blob in markers:
        metal[blob.box()] = False
    return float(metal[field].mean())


def score_hardware(
    views: pl.DataFrame, metal_share: Sequence[float]
) -> list[tuple[Score, int, float]]:
    """Score all views, those without and those with hardware-like areas.

    Args:
        views: `label`, `group`, `role` and `probability` of each view.
        metal_share: as from `measure_metal`, of the same views.

    Returns:
        For each set of out-of-fold views: the score, the number of views, and the abnormal share.
    """
    has_metal = pl.Series(metal_share) > MIN_METAL_SHARE
    own = views.with_columns(has_metal=has_metal).filter(role="out_of_fold")
    sets = {
        "all views": own,
        "without hardware": own.filter(~pl.col("has_metal")),
        "with hardware": own.filter("has_metal"),
    }
    return [
        (measure_score(name, rows), rows.height, float(rows["label"].to_numpy().mean()))
        for name, rows in sets.items()
        if rows.height
    ]
