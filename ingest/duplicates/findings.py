"""Findings: contradictory labels, copied images, and patients in both splits."""

import polars as pl

from ingest.scan.index_comparison import LABEL_CONFLICT

_BOTH_LABELS = "study_with_both_labels"
_PATIENT_BOTH_SPLITS = "patient_in_both_splits"
_ONE_PATIENT, _SEVERAL_PATIENTS = "image_twice_in_patient", "image_of_several_patients"
_BOTH_SPLITS, _IMAGE_BOTH_LABELS = "image_in_both_splits", "image_with_both_labels"
_SAME_PIXELS = "same_pixels_other_bytes"
STUDY_CONTRADICTIONS = (LABEL_CONFLICT, _BOTH_LABELS)
CONTRADICTIONS = (*STUDY_CONTRADICTIONS, _SEVERAL_PATIENTS, _BOTH_SPLITS, _IMAGE_BOTH_LABELS)
# sufficient for groups too: a group is in both splits only if a patient or image of it is
SPLIT_CONFLICTS = (_PATIENT_BOTH_SPLITS, _BOTH_SPLITS)
_COPIES = (_ONE_PATIENT, _SEVERAL_PATIENTS, _BOTH_SPLITS, _IMAGE_BOTH_LABELS)

_LABEL_SUFFIX = r"_(positive|negative)$"


def find_in_tree(views: pl.DataFrame) -> pl.DataFrame:
    """Return the findings from paths, before any image is read."""
    studies = views.select("study_id", "label").unique()
    bare = pl.col("study_id").str.replace(_LABEL_SUFFIX, "")
    both = studies.filter(
        pl.col("study_id").str.contains(_LABEL_SUFFIX), pl.col("label").n_unique().over(bare) > 1
    )
    found = both.select(
        kind=pl.lit(_BOTH_LABELS),
        path="study_id",
        detail=pl.lit("the study exists with both labels"),
    )
    return pl.concat([found.unique(), find_patients(views)])


def find_patients(views: pl.DataFrame) -> pl.DataFrame:
    """Return a finding for each patient in both splits, with the first train view as path."""
    is_train = pl.col("split") == "train"
    patients = views.group_by("patient_id").agg(
        num_train=is_train.sum(),
        num_valid=(~is_train).sum(),
        path=pl.col("view_id").filter(is_train).min(),
        valid=pl.col("view_id").filter(~is_train).min(),
    )
    both = patients.filter(pl.col("num_train") > 0, pl.col("num_valid") > 0).sort("path")
    return both.select(
        kind=pl.lit(_PATIENT_BOTH_SPLITS),
        path="path",
        detail=pl.format(
            "patient {} has views in both splits (train: {}, valid: {}), such as {}",
            *("patient_id", "num_train", "num_valid", "valid"),
        ),
    )


def find_in_images(written: pl.DataFrame) -> pl.DataFrame:
    """Return the findings on written views with the same image."""
    copies = find_copies(written)
    differs = pl.any_horizontal(pl.col("num_patients", "num_splits", "num_labels") > 1)
    found = [
        (_ONE_PATIENT, copies.filter(~differs)),
        (_SEVERAL_PATIENTS, copies.filter(pl.col("num_patients") > 1)),
        (_BOTH_SPLITS, copies.filter(pl.col("num_splits") > 1)),
        (_IMAGE_BOTH_LABELS, copies.filter(pl.col("num_labels") > 1)),
        (_SAME_PIXELS, copies.filter(pl.col("num_sources") > 1)),
    ]
    return pl.concat(
        views.select(kind=pl.lit(kind), path="view_id", detail=pl.format("as {}", "reference"))
        for kind, views in found
    )


def find_ties(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the columns `path` and `reference` of pairs of views with the same image.

    `reference` is the same view for all copies of an image.
    """
    # from findings, because excluded views are not in the manifest
    copies = findings.filter(pl.col("kind").is_in(list(_COPIES)))
    return copies.select("path", reference=pl.col("detail").str.strip_prefix("as ")).unique()


def find_copies(written: pl.DataFrame) -> pl.DataFrame:
    """Return views with equal pixels, and the counts of their patients, splits, labels and sources.

    The column `reference` is the first of the copies, in the valid split if there is one.
    """
    # stored pixels decide, not bytes of files, because a model cannot distinguish equal pixels
    copies = written.filter(pl.len().over("pixel_digest") > 1)
    valid_first = pl.col("view_id").sort_by(pl.col("split") != "valid", "view_id").first()
    return copies.with_columns(
        pl.col("patient_id").n_unique().over("pixel_digest").alias("num_patients"),
        pl.col("split").n_unique().over("pixel_digest").alias("num_splits"),
        pl.col("label").n_unique().over("pixel_digest").alias("num_labels"),
        pl.col("source_digest").n_unique().over("pixel_digest").alias("num_sources"),
        valid_first.over("pixel_digest").alias("reference"),
    )
