"""Oddities: images that occur more than once, what is odd about the tree, what did not get in."""

import polars as pl

COPIES = {"source_digest": "the same bytes", "pixel_digest": "the same stored pixels"}
"""By which column of the manifest two views can be the same, and in words."""


def count_copies(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count images that occur more than once, in bytes and in stored pixels.

    Returns:
        `same` (a column of the manifest), `images` (that have copies), `views` (that are one of
        these), and `several_patients`, `both_splits`, `both_labels`: of how many such images.
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
        table: columns `path` and `detail`, and that of the kind.
        kind: `reason` of rejects, `kind` of findings.

    Returns:
        The column of the kind, `files`, `path` and `detail` of the first.
    """
    first = pl.col("path", "detail").sort_by("path").first()
    return (
        table.group_by(kind)
        .agg(first, files=pl.len().cast(pl.Int64))
        .select(kind, "files", "path", "detail")
        .sort(-pl.col("files"), kind)
    )
