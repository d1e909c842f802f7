"""Consequences of findings: refusal of a tree, or exclusion of views from the lake."""

from collections.abc import Collection

import polars as pl

from ingest.duplicates.findings import (
    CONTRADICTIONS,
    SPLIT_CONFLICTS,
    STUDY_CONTRADICTIONS,
    find_copies,
)
from ingest.options import Duplicates, SplitConflict
from shared.counts import count
from shared.errors import SourceError

# reject reasons of readable images
COPY_OF_VALID, DUPLICATE, CONTRADICTED = "copy_of_valid", "duplicate", "contradictory_label"
PATIENT_IN_VALID = "patient_in_valid"

_IN_TRAIN = pl.col("split") != "valid"
_SHOWN = 3


def refuse(findings: pl.DataFrame, duplicates: Duplicates, split_conflict: SplitConflict) -> None:
    """Refuse a tree with findings that the options forbid.

    Raises:
        SourceError: with `duplicates=fail`, labels contradict each other, or patients or splits
            share an image; with `split_conflict=fail`, splits share a patient or an image.
    """
    if duplicates == "fail":
        _refuse(findings, CONTRADICTIONS, "one label and one patient for each image", "duplicates")
    if split_conflict == "fail":
        _refuse(findings, SPLIT_CONFLICTS, "no patient or image in both splits", "split_conflict")


def _refuse(findings: pl.DataFrame, kinds: Collection[str], expected: str, option: str) -> None:
    forbidden = findings.filter(pl.col("kind").is_in(list(kinds))).sort("kind", "path")
    if not forbidden.is_empty():
        shown = "; ".join(f"{kind} {path}" for kind, path, _ in forbidden.head(_SHOWN).iter_rows())
        raise SourceError(
            f"Expected {expected} ({option}=fail). "
            f"Received: {count(forbidden.height, 'findings')}, such as {shown}"
        )


def leave_out(
    grouped: pl.DataFrame, valid_views: pl.DataFrame, findings: pl.DataFrame, duplicates: Duplicates
) -> pl.DataFrame:
    """Choose the views to exclude, so that the valid split shares no group with the train split.

    With `drop`, one view of each image is kept, and views with contradictory labels are excluded.

    Args:
        grouped: columns as in `ingest.write.shard_cache.WRITTEN_SCHEMA`, and `group`.
        valid_views: views of the tree's valid split, including unreadable ones, by `patient_id`.

    Returns:
        Columns as in `shared.lake.manifest.REJECTS_SCHEMA`.
    """
    copies = find_copies(grouped)
    # always: these views are from images or patients that the model is tested on
    left_out = [
        _rejects(copies.filter(_IN_TRAIN, pl.col("num_splits") > 1), COPY_OF_VALID),
        _rejects(_train_views_of_valid_groups(grouped, valid_views), PATIENT_IN_VALID),
    ]
    if duplicates == "drop":
        studies = findings.filter(pl.col("kind").is_in(STUDY_CONTRADICTIONS))["path"]
        contradicted = grouped.filter(pl.col("study_id").is_in(studies.to_list()))
        several_labels = copies.filter(pl.col("num_labels") > 1)
        left_out += [
            _rejects(contradicted, CONTRADICTED, pl.lit("the study's findings")),
            _rejects(several_labels, CONTRADICTED, pl.lit("other copies")),
        ]
        # choose the copy to keep among the views that are not excluded for another reason
        excluded = pl.concat(left_out).select(view_id="path")
        copies = find_copies(grouped.join(excluded, on="view_id", how="anti"))
        others = copies.filter(pl.col("view_id") != pl.col("reference"))
        left_out.append(_rejects(others, DUPLICATE))
    return pl.concat(left_out).unique("path", keep="first", maintain_order=True)


def _train_views_of_valid_groups(grouped: pl.DataFrame, valid_views: pl.DataFrame) -> pl.DataFrame:
    patients = grouped.join(valid_views, on="patient_id", how="semi")
    groups = patients.group_by("group").agg(reference=pl.format("patient {}", pl.min("patient_id")))
    return grouped.filter(_IN_TRAIN).join(groups, on="group")


def _rejects(
    views: pl.DataFrame, reason: str, reference: str | pl.Expr = "reference"
) -> pl.DataFrame:
    return views.select(
        path="view_id", reason=pl.lit(reason), detail=pl.format("see {}", reference)
    )
