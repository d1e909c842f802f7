"""Data quality: duplicate images, findings about the source, rejected files."""

import polars as pl

# columns of the manifest that identify duplicates, with names for the page
COPIES = {"source_digest": "identical bytes", "pixel_digest": "identical stored pixels"}


def count_copies(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count images that occur more than once, by bytes and by stored pixels, and their views.

    `several_patients`, `both_splits` and `both_labels` are numbers of such images.
    """
    return pl.concat(_count_copies(manifest, column) for column in COPIES)


def _count_copies(manifest: pl.DataFrame, column: str) -> pl.DataFrame:
    owners = {"several_patients": "patient_id", "both_splits": "split", "both_labels": "label"}
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
    """Count the files of each kind, the most frequent first, with the first one as an example.

    `kind` is the name of the column, `reason` for rejects or `kind` for findings.
    """
    first = pl.col("path", "detail").sort_by("path").first()
    return (
        table.group_by(kind)
        .agg(first, files=pl.len().cast(pl.Int64))
        .select(kind, "files", "path", "detail")
        .sort(-pl.col("files"), kind)
    )
