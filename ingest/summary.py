"""Summary: the table that closes an ingest, by split, body part and label."""

from typing import Any

import polars as pl

from shared.console import show_table
from shared.lake import Lake
from shared.vocabulary import LABEL_NAMES

_HEADER = ("split", "body part", "label", "views", "studies", "patients", "MB", "rejected")
_BYTES_PER_MB = 1e6
_LABEL_OF_FOLDER = {"negative": 0, "positive": 1}


def show_summary(lake: Lake) -> None:
    """Print views, studies, patients, megabytes of pixels and rejects of each partition."""
    keys = ["split", "body_part", "label"]
    counts = lake.manifest.group_by(keys).agg(*_counts())
    table = counts.join(_rejects_by_partition(lake.rejects), on=keys, how="full", coalesce=True)
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


def _rejects_by_partition(rejects: pl.DataFrame) -> pl.DataFrame:
    path = pl.col("path").str.split("/")
    return (
        rejects.select(
            split=path.list.get(0),
            body_part=path.list.get(1).str.strip_prefix("XR_").str.to_lowercase(),
            label=path.list.get(3)
            .str.split("_")
            .list.last()
            .replace_strict(_LABEL_OF_FOLDER, return_dtype=pl.Int64),
        )
        .group_by("split", "body_part", "label")
        .agg(rejected=pl.len())
    )


def _cells(row: dict[str, Any]) -> list[str]:
    counts = [f"{row[name]:,}" for name in ("views", "studies", "patients")]
    return [*counts, f"{row['bytes'] / _BYTES_PER_MB:,.1f}", f"{row['rejected']:,}"]
