"""The views that a run learnt from, `training_views.parquet`, and their overlap with a table."""

from pathlib import Path

import polars as pl

from trainer.data.split import FitPlan
from trainer.runs.results_writer import write_table
from trainer.runs.run_folder import TRAINING_FILE

# columns by which two views are of the same patient or show the same image
IDENTITY = ("patient_id", "group", "source_digest", "pixel_digest")
TRAINING_SCHEMA: dict[str, type[pl.DataType]] = {
    "view_id": pl.String,
    "patient_id": pl.Int64,
    "group": pl.Int64,
    "source_digest": pl.String,
    "pixel_digest": pl.String,
    "role": pl.String,
}
"""Columns of `training_views.parquet`; `role` is `train` or `validation`, the others are those of
the manifest. Validation views take part in early stopping, temperatures and thresholds."""

OVERLAP = ("num_patients", "num_images")


def write_training_views(
    folder: Path, plan: FitPlan, start_views: pl.DataFrame | None = None
) -> None:
    """Write the train and validation views of a run's saved model.

    Args:
        start_views: those of the run that it started from: its weights carry what they learnt from
            these views too.
    """
    own = pl.concat(
        views.select("view_id", *IDENTITY).with_columns(role=pl.lit(role))
        for role, views in (("train", plan.train), ("validation", plan.validation))
    ).select(*TRAINING_SCHEMA)
    if start_views is not None:
        earlier = start_views.select(*TRAINING_SCHEMA)
        key = ["view_id", *IDENTITY]
        own = pl.concat([own, earlier.join(own, on=key, how="anti", maintain_order="left")])
    write_table(folder / TRAINING_FILE, own)


def count_overlap(views: pl.DataFrame, training: pl.DataFrame) -> dict[str, int]:
    """Count the patients and the views of a table that a run learnt from: the counts of `OVERLAP`.

    Numbers of patients are compared, so patients of another source with the same numbers count.
    """
    patients = views.filter(pl.col("patient_id").is_in(set(training["patient_id"])))
    # copies of a file, or of its pixels in another file
    digests = (
        pl.col(name).is_in(set(training[name])) for name in ("source_digest", "pixel_digest")
    )
    return {
        "num_patients": patients["patient_id"].n_unique(),
        "num_images": views.filter(pl.any_horizontal(digests)).height,
    }
