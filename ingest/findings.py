"""Findings: labels that contradict each other, images that occur twice, and what follows from them.

Functions of tables; a finding is a row of `shared.manifest.FINDINGS_SCHEMA`.
"""

import polars as pl

from ingest.index import Differences
from ingest.options import Duplicates
from shared.errors import SourceError
from shared.manifest import FINDINGS_SCHEMA, REJECTS_SCHEMA

_NOT_IN_TREE, _NOT_IN_INDEX = "not_in_tree", "not_in_index"
_LABEL_CONFLICT, _BOTH_LABELS = "label_conflict", "study_with_both_labels"
_ONE_PATIENT, _SEVERAL_PATIENTS = "image_twice_in_patient", "image_of_several_patients"
_BOTH_SPLITS, _IMAGE_BOTH_LABELS = "image_in_both_splits", "image_with_both_labels"
_SAME_PIXELS = "same_pixels_other_bytes"
_COPIES = (_ONE_PATIENT, _SEVERAL_PATIENTS, _BOTH_SPLITS, _IMAGE_BOTH_LABELS)
_STUDY_CONTRADICTIONS = (_LABEL_CONFLICT, _BOTH_LABELS)
_CONTRADICTIONS = (*_STUDY_CONTRADICTIONS, _SEVERAL_PATIENTS, _BOTH_SPLITS, _IMAGE_BOTH_LABELS)

COPY_OF_VALID, DUPLICATE, CONTRADICTED = "copy_of_valid", "duplicate", "contradictory_label"
"""Reasons of rejects that could have been read."""

_LABEL_SUFFIX = r"_(positive|negative)$"
_SHOWN = 3


def find_in_tree(views: pl.DataFrame, differences: Differences) -> pl.DataFrame:
    """Return what index files and folder names contradict, before any image is read.

    Args:
        views: columns as in `ingest.scan.SCHEMA`.
        differences: between the tree and its index.
    """
    studies = views.select("study_id", "label").unique()
    bare = pl.col("study_id").str.replace(_LABEL_SUFFIX, "")
    both = studies.filter(
        pl.col("study_id").str.contains(_LABEL_SUFFIX), pl.col("label").n_unique().over(bare) > 1
    )
    found = [
        (_NOT_IN_TREE, differences.missing, "listed in the index alone"),
        (_NOT_IN_INDEX, differences.unlisted, "found in the tree alone"),
        (_LABEL_CONFLICT, differences.label_conflicts, "the index says otherwise than the folder"),
        (_BOTH_LABELS, both["study_id"].to_list(), "the same study is there with both labels"),
    ]
    rows = [(kind, path, detail) for kind, paths, detail in found for path in paths]
    return pl.DataFrame(rows, schema=FINDINGS_SCHEMA, orient="row")


def find_in_images(written: pl.DataFrame) -> pl.DataFrame:
    """Return the views whose image occurs more than once: in bytes, or only once decoded.

    Args:
        written: columns as in `ingest.outcomes.WRITTEN_SCHEMA`.
    """
    copies = _copies(written)
    same_pixels = written.filter(pl.col("source_digest").n_unique().over("pixel_digest") > 1)
    same_pixels = same_pixels.with_columns(kept=pl.col("view_id").min().over("pixel_digest"))
    several = pl.any_horizontal(pl.col("num_patients", "num_splits", "num_labels") > 1)
    found = [
        (_ONE_PATIENT, copies.filter(~several)),
        (_SEVERAL_PATIENTS, copies.filter(pl.col("num_patients") > 1)),
        (_BOTH_SPLITS, copies.filter(pl.col("num_splits") > 1)),
        (_IMAGE_BOTH_LABELS, copies.filter(pl.col("num_labels") > 1)),
        (_SAME_PIXELS, same_pixels),
    ]
    return pl.concat(
        views.select(kind=pl.lit(kind), path="view_id", detail=pl.format("as {}", "kept"))
        for kind, views in found
    )


def find_ties(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of views that have the same image, as findings name them.

    They name every view whose image occurs more than once, also those that were left out.

    Returns:
        Columns `path` and `kept`, the same view for all copies of an image.
    """
    copies = findings.filter(pl.col("kind").is_in(list(_COPIES)))
    return copies.select("path", kept=pl.col("detail").str.strip_prefix("as ")).unique()


def _copies(written: pl.DataFrame) -> pl.DataFrame:
    """Return the views that share their bytes, with how many of what do, and the one to keep."""
    copies = written.filter(pl.len().over("source_digest") > 1)
    valid_first = pl.col("view_id").sort_by(pl.col("split") != "valid", "view_id").first()
    return copies.with_columns(
        pl.col("patient_id").n_unique().over("source_digest").alias("num_patients"),
        pl.col("split").n_unique().over("source_digest").alias("num_splits"),
        pl.col("label").n_unique().over("source_digest").alias("num_labels"),
        valid_first.over("source_digest").alias("kept"),
    )


def leave_out(
    written: pl.DataFrame, findings: pl.DataFrame, duplicates: Duplicates
) -> pl.DataFrame:
    """Choose the views that must not get in, so that the test stays clean.

    A train view with the bytes of a valid view is always left out. With `drop`, of all views with
    the same bytes one is kept, and none whose label is contradicted.

    Returns:
        Columns as in `shared.manifest.REJECTS_SCHEMA`.

    Raises:
        SourceError: with `fail`, labels are contradicted, or patients or splits share an image.
    """
    contradictions = findings.filter(pl.col("kind").is_in(_CONTRADICTIONS))
    if duplicates == "fail" and not contradictions.is_empty():
        shown = "; ".join(
            f"{kind} {path}" for kind, path, _ in contradictions.head(_SHOWN).iter_rows()
        )
        raise SourceError(
            "Expected one label and one patient of each image (duplicates=fail). "
            f"Received: {contradictions.height:,} findings, such as {shown}"
        )
    copies = _copies(written)
    left_out = [
        _rejects(copies.filter(pl.col("split") != "valid", pl.col("num_splits") > 1), COPY_OF_VALID)
    ]
    if duplicates == "drop":
        studies = findings.filter(pl.col("kind").is_in(_STUDY_CONTRADICTIONS))["path"]
        contradicted = written.filter(pl.col("study_id").is_in(studies.to_list()))
        several_labels = copies.filter(pl.col("num_labels") > 1)
        left_out += [
            _rejects(contradicted.with_columns(kept=pl.lit("the study's findings")), CONTRADICTED),
            _rejects(several_labels.with_columns(kept=pl.lit("other copies")), CONTRADICTED),
        ]
        # a copy is kept only of what may get in
        gone = pl.concat(left_out).select(view_id="path")
        copies = _copies(written.join(gone, on="view_id", how="anti"))
        left_out.append(_rejects(copies.filter(pl.col("view_id") != pl.col("kept")), DUPLICATE))
    return pl.concat(left_out).unique("path", keep="first", maintain_order=True)


def _rejects(views: pl.DataFrame, reason: str) -> pl.DataFrame:
    columns = {
        "path": pl.col("view_id"),
        "reason": pl.lit(reason),
        "detail": pl.format("see {}", "kept"),
    }
    return views.select(columns[name].alias(name) for name in REJECTS_SCHEMA)
