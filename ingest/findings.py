"""Findings: contradictory labels, images and patients that occur twice, and the views to leave out.

Functions of tables; a finding is a row of `shared.manifest.FINDINGS_SCHEMA`. Two views have the
same image where their stored pixels are the same: a model cannot tell them apart, however their
files were compressed.
"""

from collections.abc import Collection

import polars as pl

from ingest.index import Differences
from ingest.options import Duplicates, SplitConflict
from shared.errors import SourceError
from shared.manifest import FINDINGS_SCHEMA, REJECTS_SCHEMA

_NOT_IN_TREE, _NOT_IN_INDEX = "not_in_tree", "not_in_index"
_UNUSABLE, _UNREAD_LABELS = "index_unusable", "index_label_unreadable"
_LABEL_CONFLICT, _BOTH_LABELS = "label_conflict", "study_with_both_labels"
_PATIENT_BOTH_SPLITS = "patient_in_both_splits"
_ONE_PATIENT, _SEVERAL_PATIENTS = "image_twice_in_patient", "image_of_several_patients"
_BOTH_SPLITS, _IMAGE_BOTH_LABELS = "image_in_both_splits", "image_with_both_labels"
_SAME_PIXELS = "same_pixels_other_bytes"
_STUDY_CONTRADICTIONS = (_LABEL_CONFLICT, _BOTH_LABELS)
_CONTRADICTIONS = (*_STUDY_CONTRADICTIONS, _SEVERAL_PATIENTS, _BOTH_SPLITS, _IMAGE_BOTH_LABELS)
_SPLIT_CONFLICTS = (_PATIENT_BOTH_SPLITS, _BOTH_SPLITS)
"""A group is in both splits only if one of its patients or images is."""

COPY_OF_VALID, DUPLICATE, CONTRADICTED = "copy_of_valid", "duplicate", "contradictory_label"
PATIENT_IN_VALID = "patient_in_valid"
"""Reasons of rejects that could have been read."""

_LABEL_SUFFIX = r"_(positive|negative)$"
_SHOWN = 3


def find_in_tree(views: pl.DataFrame, differences: Differences) -> pl.DataFrame:
    """Return the contradictions of index files and paths, before any image is read.

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
        (_BOTH_LABELS, set(both["study_id"]), "the same study is there with both labels"),
    ]
    rows = [(kind, path, detail) for kind, paths, detail in found for path in sorted(paths)]
    rows += [(_UNUSABLE, *item) for item in differences.unusable.items()]
    rows += [(_UNREAD_LABELS, *item) for item in differences.unread_labels.items()]
    table = pl.DataFrame(rows, schema=FINDINGS_SCHEMA, orient="row")
    return pl.concat([table, _find_patients(views)])


def _find_patients(views: pl.DataFrame) -> pl.DataFrame:
    """Return a finding for each patient of both splits, named by the first train view."""
    is_train = pl.col("split") == "train"
    patients = views.group_by("patient_id").agg(
        num_train=is_train.sum(),
        num_valid=(~is_train).sum(),
        path=pl.col("view_id").filter(is_train).min(),
        valid=pl.col("view_id").filter(~is_train).min(),
    )
    both = patients.filter(pl.col("num_train") > 0, pl.col("num_valid") > 0).sort("path")
    return both.select(
        "path",
        kind=pl.lit(_PATIENT_BOTH_SPLITS),
        detail=pl.format(
            "patient {} has {} train and {} valid views, such as {}",
            *("patient_id", "num_train", "num_valid", "valid"),
        ),
    ).select(FINDINGS_SCHEMA.keys())


def find_in_images(written: pl.DataFrame) -> pl.DataFrame:
    """Return the views whose image occurs more than once.

    Args:
        written: columns as in `ingest.outcomes.WRITTEN_SCHEMA`.
    """
    copies = _copies(written)
    several = pl.any_horizontal(pl.col("num_patients", "num_splits", "num_labels") > 1)
    found = [
        (_ONE_PATIENT, copies.filter(~several)),
        (_SEVERAL_PATIENTS, copies.filter(pl.col("num_patients") > 1)),
        (_BOTH_SPLITS, copies.filter(pl.col("num_splits") > 1)),
        (_IMAGE_BOTH_LABELS, copies.filter(pl.col("num_labels") > 1)),
        (_SAME_PIXELS, copies.filter(pl.col("num_sources") > 1)),
    ]
    return pl.concat(
        views.select(kind=pl.lit(kind), path="view_id", detail=pl.format("as {}", "kept"))
        for kind, views in found
    )


def _copies(written: pl.DataFrame) -> pl.DataFrame:
    """Return the views that share their pixels, with counts of what they differ in, and `kept`."""
    copies = written.filter(pl.len().over("pixel_digest") > 1)
    valid_first = pl.col("view_id").sort_by(pl.col("split") != "valid", "view_id").first()
    return copies.with_columns(
        pl.col("patient_id").n_unique().over("pixel_digest").alias("num_patients"),
        pl.col("split").n_unique().over("pixel_digest").alias("num_splits"),
        pl.col("label").n_unique().over("pixel_digest").alias("num_labels"),
        pl.col("source_digest").n_unique().over("pixel_digest").alias("num_sources"),
        valid_first.over("pixel_digest").alias("kept"),
    )


def refuse(findings: pl.DataFrame, duplicates: Duplicates, split_conflict: SplitConflict) -> None:
    """Refuse a tree with findings of the kinds that the options forbid.

    Raises:
        SourceError: with `duplicates=fail`, labels are contradicted, or patients or splits share an
            image; with `split_conflict=fail`, splits share a patient or an image.
    """
    if duplicates == "fail":
        _refuse(findings, _CONTRADICTIONS, "one label and one patient of each image", "duplicates")
    if split_conflict == "fail":
        _refuse(findings, _SPLIT_CONFLICTS, "no patient or image in both splits", "split_conflict")


def _refuse(findings: pl.DataFrame, kinds: Collection[str], expected: str, option: str) -> None:
    forbidden = findings.filter(pl.col("kind").is_in(list(kinds))).sort("kind", "path")
    if not forbidden.is_empty():
        shown = "; ".join(f"{kind} {path}" for kind, path, _ in forbidden.head(_SHOWN).iter_rows())
        raise SourceError(
            f"Expected {expected} ({option}=fail). "
            f"Received: {forbidden.height:,} findings, such as {shown}"
        )


def leave_out(
    grouped: pl.DataFrame, tested: pl.DataFrame, findings: pl.DataFrame, duplicates: Duplicates
) -> pl.DataFrame:
    """Choose the views to leave out, so that the test stays clean.

    A train view with the image of a valid view is always left out, as is any other whose group is
    in the valid split. With `drop`, one view of each image is kept, and none whose label is
    contradicted.

    Args:
        grouped: columns as in `ingest.outcomes.WRITTEN_SCHEMA`, and `group`.
        tested: views of the tree's valid split, also those that cannot be read.
        findings: of the tree and its images.
        duplicates: the option.

    Returns:
        Columns as in `shared.manifest.REJECTS_SCHEMA`.
    """
    copies = _copies(grouped)
    left_out = [
        _rejects(
            copies.filter(pl.col("split") != "valid", pl.col("num_splits") > 1), COPY_OF_VALID
        ),
        _rejects(_train_views_of_tested(grouped, tested), PATIENT_IN_VALID),
    ]
    if duplicates == "drop":
        studies = findings.filter(pl.col("kind").is_in(_STUDY_CONTRADICTIONS))["path"]
        contradicted = grouped.filter(pl.col("study_id").is_in(studies.to_list()))
        several_labels = copies.filter(pl.col("num_labels") > 1)
        left_out += [
            _rejects(contradicted.with_columns(kept=pl.lit("the study's findings")), CONTRADICTED),
            _rejects(several_labels.with_columns(kept=pl.lit("other copies")), CONTRADICTED),
        ]
        # a copy is kept only of what may get in
        gone = pl.concat(left_out).select(view_id="path")
        copies = _copies(grouped.join(gone, on="view_id", how="anti"))
        left_out.append(_rejects(copies.filter(pl.col("view_id") != pl.col("kept")), DUPLICATE))
    return pl.concat(left_out).unique("path", keep="first", maintain_order=True)


def _train_views_of_tested(grouped: pl.DataFrame, tested: pl.DataFrame) -> pl.DataFrame:
    """Return train views of groups with a patient of the valid split, who is named in `kept`."""
    patients = grouped.join(tested, on="patient_id", how="semi")
    groups = patients.group_by("group").agg(kept=pl.format("patient {}", pl.min("patient_id")))
    return grouped.filter(pl.col("split") != "valid").join(groups, on="group")


def _rejects(views: pl.DataFrame, reason: str) -> pl.DataFrame:
    columns = {
        "path": pl.col("view_id"),
        "reason": pl.lit(reason),
        "detail": pl.format("see {}", "kept"),
    }
    return views.select(columns[name].alias(name) for name in REJECTS_SCHEMA)
