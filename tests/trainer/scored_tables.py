"""Scored tables for tests: one by hand, and random ones."""

from typing import Any

import numpy as np
import polars as pl

from trainer.evaluation.scored_table import SCORED_SCHEMA

# four studies, six views: study, label, probability
HAND = [("a", 1, 0.9), ("a", 1, 0.3), ("b", 0, 0.2), ("b", 0, 0.4), ("c", 1, 0.4), ("d", 0, 0.1)]


def scored_table(rows: list[tuple[str, int, float]], **columns: Any) -> pl.DataFrame:
    """Return a scored table of rows (study, label, probability), all of the wrist by default."""
    facts = {"model": "cnn", "fold": None, "role": "test", "body_part": "wrist", "group": 1}
    table = pl.DataFrame(rows, schema=["study_id", "label", "probability"], orient="row")
    return (
        table.with_columns(
            view_id=pl.col("study_id") + "/image" + pl.int_range(pl.len()).cast(pl.String),
            **{key: pl.lit(value) for key, value in {**facts, **columns}.items()},
        )
        .cast({"fold": pl.Int64, "group": pl.Int64, "label": pl.Int64})
        .select(*SCORED_SCHEMA)
    )


def random_table(seed: int, num_studies: int = 60, **columns: Any) -> pl.DataFrame:
    """Return a scored table of studies of one to four views, each its own patient group."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num_studies)
    rows = [
        (f"s{study}", int(label), float(np.clip(0.3 * label + 0.7 * rng.random(), 0, 1)))
        for study, label in enumerate(labels)
        for _ in range(rng.integers(1, 5))
    ]
    own_group = pl.col("study_id").str.slice(1).cast(pl.Int64)
    return scored_table(rows, **columns).with_columns(group=own_group)
