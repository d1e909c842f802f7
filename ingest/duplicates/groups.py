"""Groups of patients who share images; cross-validation must keep a group in one fold."""

import polars as pl

from shared.components import connect


def group_patients(views: pl.DataFrame) -> pl.DataFrame:
    """Add the column `group`: the smallest number of the patients connected by shared images.

    `views` needs the columns `patient_id` and `pixel_digest`; its order is preserved.
    """
    edges = views.select("patient_id", "pixel_digest").unique()
    shared = edges.filter(pl.len().over("pixel_digest") > 1)
    if shared.is_empty():
        return views.with_columns(group=pl.col("patient_id"))
    # across body parts and splits, because a copy ties patients wherever it is
    nodes = shared.select(pl.col("patient_id", "pixel_digest").rank("dense").cast(pl.Int64) - 1)
    patients, images = nodes["patient_id"].to_numpy(), nodes["pixel_digest"].to_numpy()
    tied = shared.with_columns(component=connect(patients, images)[patients]).unique("patient_id")
    groups = tied.select("patient_id", group=pl.col("patient_id").min().over("component"))
    return views.join(groups, on="patient_id", how="left", maintain_order="left").with_columns(
        pl.col("group").fill_null(pl.col("patient_id"))
    )
