"""Counts of views, studies and patients by split, fold, body part and label."""

from itertools import product

import polars as pl

from shared.labels import SPLITS, order_parts
from shared.lake.manifest import SCHEMA
from trainer.data.dataset import exclude_test_overlap
from trainer.data.split import draw_folds

# expressions that count each unit in rows of a manifest
UNITS = {
    "views": pl.len().cast(pl.Int64),
    "studies": pl.col("study_id").n_unique().cast(pl.Int64),
    "patients": pl.col("patient_id").n_unique().cast(pl.Int64),
}
# last bin of views per study and of studies per patient: this many or more
MANY = 12


def present_splits(manifest: pl.DataFrame) -> list[str]:
    """Return the splits with at least one view, train first."""
    return [split for split in SPLITS if split in manifest["split"]]


def count_by_label(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count by split, body part and label; missing combinations are zero.

    A patient with both labels counts once under each.
    """
    keys = ["split", "body_part", "label"]
    rows = product(present_splits(manifest), order_parts(manifest["body_part"]), (0, 1))
    all_keys = pl.DataFrame(list(rows), {key: SCHEMA[key] for key in keys}, orient="row")
    counted = manifest.group_by(keys).agg(**UNITS)
    return all_keys.join(counted, on=keys, how="left", maintain_order="left").fill_null(0)


def count_by_part(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count by split and body part, with totals as `all`; the last row is the total."""
    # each row counts for its own split and for `all`, and likewise for its part
    views, keys = manifest, ["split", "body_part"]
    for key in keys:
        views = pl.concat([views, views.with_columns(pl.lit("all").alias(key))])
    counted = views.group_by(keys).agg(**UNITS, abnormal_views=pl.col("label").sum().cast(pl.Int64))
    order = pl.Enum([*SPLITS, *order_parts(views["body_part"])])
    return counted.with_columns(abnormal_share=pl.col("abnormal_views") / pl.col("views")).sort(
        pl.col(key).cast(order) for key in keys
    )


def count_views_a_study(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count studies by number of views, with their `share` of the split's studies."""
    return _count_sizes(manifest, "study_id", pl.len(), "views", "studies")


def count_studies_a_patient(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count patients by number of studies, with their `share` of the split's patients."""
    return _count_sizes(manifest, "patient_id", UNITS["studies"], "studies", "patients")


def _count_sizes(
    manifest: pl.DataFrame, owner: str, size: pl.Expr, size_name: str, owners_name: str
) -> pl.DataFrame:
    size = size.clip(upper_bound=MANY).cast(pl.Int64)
    sizes = manifest.group_by("split", owner).agg(size.alias(size_name))
    counted = sizes.group_by("split", size_name).agg(UNITS["views"].alias(owners_name))
    share = pl.col(owners_name) / pl.col(owners_name).sum().over("split")
    return counted.with_columns(share=share).sort("split", size_name)


def count_patients(manifest: pl.DataFrame) -> pl.DataFrame:
    """Count patients with properties that matter for splitting, by split and in `all`."""
    # a group has several patients if they share an image
    shares = manifest.with_columns(shares=pl.col("patient_id").n_unique().over("group") > 1)
    split_or_all = [shares, shares.with_columns(split=pl.lit("all"))]
    by_part = (
        pl.concat(split_or_all)
        .group_by("split", "patient_id", "body_part")
        .agg("study_id", pl.any("shares"), views=pl.len(), labels=pl.col("label").unique())
    )
    by_patient = by_part.group_by("split", "patient_id").agg(
        several_views=pl.col("views").sum() > 1,
        several_studies=pl.col("study_id").explode().n_unique() > 1,
        several_parts=pl.len() > 1,
        both_labels=pl.col("labels").explode().n_unique() > 1,
        both_labels_of_a_part=(pl.col("labels").list.len() > 1).any(),
        shared_images=pl.any("shares"),
    )
    counted = by_patient.group_by("split").agg(
        patients=pl.len().cast(pl.Int64),
        **{name: pl.col(name).sum().cast(pl.Int64) for name in by_patient.columns[2:]},
    )
    return counted.sort(pl.col("split").cast(pl.Enum([*SPLITS, "all"])))


def count_patients_in_both_splits(manifest: pl.DataFrame) -> int:
    """Count patients with views in both train and valid."""
    splits = manifest.group_by("patient_id").agg(pl.col("split").n_unique())
    return splits.filter(pl.col("split") > 1).height


def balance(manifest: pl.DataFrame, k: int, seed: int) -> pl.DataFrame:
    """Count the held-out views of each fold of `just cv part=all` with the same `k` and `seed`.

    Returns:
        `fold` (from 1), and the columns of `count_by_part`.

    Raises:
        TrainingError: there are too few groups, or a fold would lack a label.
    """
    train, _ = exclude_test_overlap(manifest)
    counts = [
        count_by_part(fold.held_out).filter(split="train").with_columns(fold=pl.lit(number))
        for number, fold in enumerate(draw_folds(train, k, seed), 1)
    ]
    return pl.concat(counts).select("fold", pl.all().exclude("fold", "split"))
