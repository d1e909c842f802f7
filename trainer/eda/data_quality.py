"""Data quality: duplicate images, findings about the source, rejected files."""

import polars as pl

COPIES = {"source_digest": "identical bytes", "pixel_digest": "identical stored pixels"}
"""Columns of the manifest that identify duplicates, with names for the page."""


def count_copies(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count images that occur more than once, by bytes and by stored pixels.

    Returns:
        `same` (a column of the manifest), `images` (with duplicates), `views` (of these images),
        and the number of such images with `several_patients`, `both_splits`, `both_labels`.
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
    """Count rejects by reason or findings by kind, the most frequent first, with an example.

    Args:
        kind: name of the column, `reason` for rejects or `kind` for findings.

    Returns:
        The column of the kind, `files`, and `path` and `detail` of the first file.
    """
    first = pl.col("path", "detail").sort_by("path").first()
    return (
        table.group_by(kind)
        .agg(first, files=pl.len().cast(pl.Int64))
        .select(kind, "files", "path", "detail")
        .sort(-pl.col("files"), kind)
    )
