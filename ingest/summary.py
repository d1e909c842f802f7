"""Console summary of an ingest: scan, counts by partition, rejects and findings."""

from typing import Any

import polars as pl

from ingest.scan.scan_tree import Scan
from ingest.sources.folders import FoldersLayout
from shared.console import note, say, show_table
from shared.counts import count
from shared.labels import LABEL_NAMES
from shared.lake.manifest import PARTITION_COLUMNS
from shared.lake.open import Lake

_HEADER = ("split", "body part", "label", "views", "studies", "patients", "MB", "rejected")
_BYTES_PER_MB = 1e6


def show_scan(scan: Scan) -> None:
    """Print the number of views and of ignored files."""
    note(f"scan: {count(scan.views.height, 'views')} in {scan.root}")
    if not scan.layout.names_patients and isinstance(scan.layout, FoldersLayout):
        note(
            "scan: without patient=, each PNG or JPEG file counts as a patient; "
            "splits may share patients"
        )
    for kind, number in scan.num_ignored.items():
        note(f"scan: {number:,} ignored: {kind}")


def show_summary(lake: Lake, views: pl.DataFrame) -> None:
    """Print counts of each partition of the scanned views, rejects by reason, findings by kind."""
    keys = list(PARTITION_COLUMNS)
    counts = lake.manifest.group_by(keys).agg(*_counts())
    rejected = views.join(lake.rejects, left_on="view_id", right_on="path", how="semi")
    by_partition = rejected.group_by(keys).agg(rejected=pl.len())
    table = counts.join(by_partition, on=keys, how="full", coalesce=True)
    rows: list[list[str]] = [
        [row["split"], row["body_part"], LABEL_NAMES[row["label"]], *_cells(row)]
        for row in table.sort(keys).fill_null(0).iter_rows(named=True)
    ]
    total = lake.manifest.select(*_counts(), rejected=pl.lit(lake.rejects.height)).row(
        0, named=True
    )
    show_table(f"Lake {lake.store}", _HEADER, [*rows, ["all", "", "", *_cells(total)]])
    _show_by_column("rejected", lake.rejects, "reason")
    _show_by_column("found", lake.findings, "kind")


def _show_by_column(verb: str, table: pl.DataFrame, column: str) -> None:
    by_value = table.sort(column, "path").group_by(column, maintain_order=True)
    for value, number, path, detail in by_value.agg(
        pl.len(), pl.col("path", "detail").first()
    ).iter_rows():
        say(f"{verb} {number:,} as {value}, e.g. {path}: {detail}")


def _counts() -> list[pl.Expr]:
    return [
        pl.len().alias("views"),
        pl.col("study_id").n_unique().alias("studies"),
        pl.col("patient_id").n_unique().alias("patients"),
        pl.col("image_bytes").sum().alias("bytes"),
    ]


def _cells(row: dict[str, Any]) -> list[str]:
    counts = [f"{row[name]:,}" for name in ("views", "studies", "patients")]
    return [*counts, f"{row['bytes'] / _BYTES_PER_MB:,.1f}", f"{row['rejected']:,}"]
