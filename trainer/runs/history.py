"""The table of a fit's epochs."""

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
"""One row per epoch, from 1, or from 0 if the initial model is evaluated too. `seconds` includes
validation, `train_s` does not. `waiting_s` is the part of `train_s` spent waiting for images. Both
are null if an epoch reads no images. `is_best` marks the lowest validation loss."""


def make_history(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return epochs as a table with the columns of `HISTORY_SCHEMA`, the best epoch marked."""
    table = pl.DataFrame(rows, schema={n: t for n, t in HISTORY_SCHEMA.items() if n != "is_best"})
    return table.with_columns(is_best=pl.int_range(pl.len()) == pl.col("val_loss").arg_min())
