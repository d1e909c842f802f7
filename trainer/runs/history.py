"""History: the epochs of a fit as a table."""

from typing import Any

import polars as pl

HISTORY_SCHEMA: dict[str, type[pl.DataType]] = {
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "accuracy": pl.Float64,
    "auroc": pl.Float64,
    "val_loss": pl.Float64,
    "val_accuracy": pl.Float64,
    "val_auroc": pl.Float64,
    "seconds": pl.Float64,
    "images_per_s": pl.Float64,
    "train_s": pl.Float64,
    "waiting_s": pl.Float64,
    "is_best": pl.Boolean,
}
"""One row an epoch, from 1, or from 0 where what a fit starts from is an epoch's equal. `train_s`
of its `seconds` are without validation, and of those `waiting_s` were spent waiting for images;
null where an epoch reads none. `is_best` marks the one with the lowest validation loss."""


def make_history(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return epochs as a table, columns as in `HISTORY_SCHEMA`, the best one marked."""
    table = pl.DataFrame(rows, schema={n: t for n, t in HISTORY_SCHEMA.items() if n != "is_best"})
    return table.with_columns(is_best=pl.int_range(pl.len()) == pl.col("val_loss").arg_min())
