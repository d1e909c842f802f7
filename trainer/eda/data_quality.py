"""Counts of duplicate images, rejected files and findings about the source tree."""

import polars as pl

COPIES = {"source_digest": "the same bytes", "pixel_digest": "the same stored pixels"}
"""The manifest columns that identify duplicates, and their descriptions."""


def count_copies(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count images that occur more than once, by file bytes and by stored pixels.

    Returns:
        `same`: the manifest column compared; `images`: number of duplicated images; `views`: their
        number of views; `several_patients`, `both_splits`, `both_labels`: duplicated images with
        several patients, splits or labels.
    """
    return pl.concat(_count_copies(manifest, column) for column in COPIES)


def _count_copies(manifest: pl.DataFrame, column: str) -> pl.DataFrame:
    owners = {
        "several_patients": "patient_id",
        "both_splits": "split",
        "both_labels": "label",
    }
    images = manifest.group_by(column).agg(
        views=pl.len().cast(pl.Int64),
        **{name: pl.col(owner).n_unique() > 1 for name, owner in owners.items()},
    )
    return images.filter(pl.col("views") > 1).select(
        same=pl.lit(column),
        images=pl.len().cast(pl.Int64),
        views=pl.col("views").sum(),
        **{name: pl.col(name).sum().cast(pl.Int64) for name in owners},
    )


def count_kinds(table: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Count rejects by reason, or findings by kind, the commonest first, each with an example.

    Args:
        table: the rejects or findings, with `path`, `detail` and the column named by `kind`.
        kind: `reason` for rejects, `kind` for findings.

    Returns:
        That column, `files`, and `path` and `detail` of the first file.
    """
    first = pl.col("path", "detail").sort_by("path").first()
    return (
        table.group_by(kind)
        .agg(first, files=pl.len().cast(pl.Int64))
        .select(kind, "files", "path", "detail")
        .sort(-pl.col("files"), kind)
    )
