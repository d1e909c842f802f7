"""Summary: the table that closes an ingest, by split, body part and label."""

from typing import Any

import polars as pl

from shared.console import show_table
from shared.lake import Lake
from shared.manifest import PARTITION_COLUMNS
from shared.vocabulary import LABEL_NAMES

_HEADER = ("split", "body part", "label", "views", "studies", "patients", "MB", "rejected")
_BYTES_PER_MB = 1e6


def show_summary(lake: Lake, views: pl.DataFrame) -> None:
    """Print views, studies, patients, megabytes of pixels and rejects of each partition.

    Args:
        lake: what was written.
        views: what was scanned, columns as in `ingest.scan.SCHEMA`.
    """
    keys = list(PARTITION_COLUMNS)
    counts = lake.manifest.group_by(keys).agg(*_counts())
    table = counts.join(
        _rejects_by_partition(lake.rejects, views), on=keys, how="full", coalesce=True
    )
    rows: list[list[str]] = [
        [row["split"], row["body_part"], LABEL_NAMES[row["label"]], *_cells(row)]
        for row in table.sort(keys).fill_null(0).iter_rows(named=True)
    ]
    total = lake.manifest.select(*_counts(), rejected=pl.lit(lake.rejects.height)).row(
        0, named=True
    )
    show_table(f"Lake {lake.root}", _HEADER, [*rows, ["all", "", "", *_cells(total)]])
    for reason, number in lake.rejects.group_by("reason").len().sort("reason").iter_rows():
        example = lake.rejects.filter(reason=reason).row(0, named=True)
        show = f"{example['path']}: {example['detail']}"
        print(f"rejected {number:,} as {reason}, e.g. {show}")


def _counts() -> list[pl.Expr]:
    return [
        pl.len().alias("views"),
        pl.col("study_id").n_unique().alias("studies"),
        pl.col("patient_id").n_unique().alias("patients"),
        pl.col("image_bytes").sum().alias("bytes"),
    ]


def _rejects_by_partition(rejects: pl.DataFrame, views: pl.DataFrame) -> pl.DataFrame:
    rejected = views.join(rejects, left_on="view_id", right_on="path", how="semi")
    return rejected.group_by(PARTITION_COLUMNS).agg(rejected=pl.len())


def _cells(row: dict[str, Any]) -> list[str]:
    counts = [f"{row[name]:,}" for name in ("views", "studies", "patients")]
    return [*counts, f"{row['bytes'] / _BYTES_PER_MB:,.1f}", f"{row['rejected']:,}"]
