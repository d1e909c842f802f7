"""Properties of an image that say nothing about the bone, and the labels they predict."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from shared.images.preprocessing.markers import Blob
from trainer.audit.pixel_scan import ViewScan
from trainer.audit.shortcuts.shortcut_score import Score, score_features

PROPERTIES = {
    "width and height": ("log_width", "log_height"),
    "aspect ratio": ("log_aspect",),
    "channels and bytes per pixel": ("channels", "log_bytes_per_pixel"),
    "brightness and contrast": ("mean", "std"),
    "share of the border": ("border_share",),
    "number of views": ("log_views",),
    "markers": ("num_markers", "marker_x", "marker_y", "marker_area"),
}
"""Columns of `list_properties` by name."""

_WEIGHT_DECAY = 1.0


def list_properties(views: pl.DataFrame, scan: Sequence[ViewScan]) -> pl.DataFrame:
    """Return the properties of each view; see `PROPERTIES`."""
    width, height = pl.col("width_px").cast(pl.Float64), pl.col("height_px").cast(pl.Float64)
    properties = views.select(
        log_width=width.log(),
        log_height=height.log(),
        log_aspect=(width / height).log(),
        channels=pl.col("channels").cast(pl.Float64),
        log_bytes_per_pixel=(pl.col("source_bytes") / (width * height)).log(),
        mean="mean",
        std="std",
        border_share=pl.Series([1 - each.field_share for each in scan]),
        log_views=pl.len().over("study_id").cast(pl.Float64).log(),
    )
    return properties.hstack(_list_markers(scan))


def _list_markers(scan: Sequence[ViewScan]) -> pl.DataFrame:
    """Return the number of markers of each view, and area and centre of the largest, in pixels."""
    schema = dict.fromkeys(PROPERTIES["markers"], pl.Float64)
    table = pl.DataFrame([_describe(each.markers) for each in scan], schema, orient="row")
    # the mean place of other views carries no information beside the number
    place = pl.col("marker_x", "marker_y")
    return table.with_columns(place.fill_null(place.mean()).fill_null(0.0))


def _describe(blobs: list[Blob]) -> tuple[float | None, ...]:
    if not blobs:
        return 0.0, None, None, 0.0
    largest = max(blobs, key=lambda blob: blob.width * blob.height)
    x, y, width, height = largest
    return float(len(blobs)), x + width / 2, y + height / 2, float(width * height)


def score_properties(views: pl.DataFrame, properties: pl.DataFrame) -> list[Score]:
    """Score all properties together, then each alone, on the folds of the run.

    Args:
        views: `label`, `group` and `fold` of each out-of-fold view.
    """
    every = [column for columns in PROPERTIES.values() for column in columns]
    return [
        score_features(
            name, properties.select(columns).to_numpy().astype(np.float32), views, _WEIGHT_DECAY
        )
        for name, columns in {"all of them": every, **PROPERTIES}.items()
    ]
