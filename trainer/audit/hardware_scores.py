"""Out-of-fold scores of views with and without hardware-like areas."""

import polars as pl

from trainer.audit.hardware import MIN_METAL_SHARE
from trainer.audit.pixel_scan import PixelScan
from trainer.audit.shortcut_score import Score, measure_score


def score_hardware(views: pl.DataFrame, scan: PixelScan) -> list[tuple[Score, int, float]]:
    """Score all views, those without and those with hardware-like areas.

    Args:
        views: `label`, `group`, `role` and `probability` of each view.
        scan: facts about the same views.

    Returns:
        For each set of out-of-fold views: the score, the number of views, and the abnormal share.
    """
    has_metal = pl.lit(pl.Series(scan.metal_share > MIN_METAL_SHARE))
    own = views.with_columns(has_metal=has_metal).filter(role="out_of_fold")
    sets = {
        "all views": own,
        "without hardware": own.filter(~pl.col("has_metal")),
        "with hardware": own.filter("has_metal"),
    }
    return [
        (
            measure_score(name, rows["probability"].to_numpy(), rows),
            rows.height,
            float(rows["label"].to_numpy().mean()),
        )
        for name, rows in sets.items()
        if rows.height
    ]
