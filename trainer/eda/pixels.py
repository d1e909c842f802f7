"""Image statistics: source sizes and channels, brightness and contrast of stored pixels."""

from collections.abc import Sequence

import polars as pl

from shared.labels import order_parts

_QUANTILES = {"low": 0.05, "lower": 0.25, "median": 0.5, "upper": 0.75, "high": 0.95}
_NUM_BINS = 24
_SIZE = ["width_px", "height_px"]
CHANNEL_NAMES = {1: "grey", 2: "grey with alpha", 3: "colour", 4: "colour with alpha"}


def spread(
    manifest: pl.DataFrame, column: str, by: Sequence[str] = ("body_part", "label")
) -> pl.DataFrame:
    """Compute the percentiles of `_QUANTILES` of a column, and the number of views."""
    quantiles = {
        name: pl.col(column).quantile(q, "linear").cast(pl.Float64)
        for name, q in _QUANTILES.items()
    }
    table = manifest.group_by(by).agg(views=pl.len().cast(pl.Int64), **quantiles)
    return _sort_by_part(table, by)


def count_channels(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count views by body part and number of channels of the file."""
    keys = ["body_part", "channels"]
    return _sort_by_part(manifest.group_by(keys).agg(views=pl.len().cast(pl.Int64)), keys)


def bin_sizes(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count views by width and height of the file, in square bins, the most common last."""
    longest = manifest.select(pl.max_horizontal("width_px", "height_px").max()).item() or 1
    step = max(1, round(longest / _NUM_BINS))
    bins = [pl.col(name).sub(1).floordiv(step).alias(f"{name}_bin") for name in _SIZE]
    binned = manifest.group_by(bins).agg(pl.col(_SIZE).mean(), views=pl.len().cast(pl.Int64))
    return binned.select(*_SIZE, "views").sort("views", *_SIZE)


def _sort_by_part(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Sort by body part, in the order of `order_parts`, then by the other columns `by`."""
    part = pl.col("body_part").cast(pl.Enum(order_parts(table["body_part"])))
    return table.sort(part, *(name for name in by if name != "body_part"))
