"""The table of a fit's epochs, and its best epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

HISTORY_SCHEMA: dict[str, type[pl.DataType]] = {
    "epoch": pl.Int64,
    **dict.fromkeys(("loss", "accuracy", "auroc"), pl.Float64),
    **dict.fromkeys(("val_loss", "val_accuracy", "val_auroc", "val_study_auroc"), pl.Float64),
    **dict.fromkeys(("seconds", "images_per_s", "train_s", "waiting_s"), pl.Float64),
    "is_best": pl.Boolean,
}
"""One row per epoch, from 1, or from 0 if the initial model is evaluated too. `val_study_auroc` is
null unless it decides which epoch is kept. `seconds` includes validation, `train_s` does not.
`waiting_s` is the part of `train_s` spent waiting for images. Both are null if an epoch reads no
images."""


def make_history(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return epochs as a table with the columns of `HISTORY_SCHEMA`, the best epoch marked."""
    table = pl.DataFrame(rows, schema={n: t for n, t in HISTORY_SCHEMA.items() if n != "is_best"})
    best = find_best(rows) if rows else -1
    return table.with_columns(is_best=pl.int_range(pl.len()) == best)


def find_best(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the index of the best epoch, the first of equals.

    It has the highest validation study AUROC where epochs have one, and of these the lowest
    validation loss.
    """
    ranks = [(-(row.get("val_study_auroc") or 0.0), row["val_loss"]) for row in rows]
    return ranks.index(min(ranks))
