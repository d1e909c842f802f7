"""Comparison of MURA's index files (CSV) with the views of the folder tree."""

from dataclasses import dataclass, field

import polars as pl

from ingest.scan import Scan
from ingest.sources.index_file import IndexFile, UnusableIndexError, read_index

_SHOWN_CHARS = 80


@dataclass(frozen=True)
class Differences:
    """Differences between index files and tree.

    Attributes:
        missing: views and studies of the index that are not in the tree.
        unlisted: views and studies of the tree that are not in the index.
        label_conflicts: studies with different labels in the index and in their folder name.
        unusable: by file name, the reason why an index file is ignored: it cannot be read, or it
            lists no view of the tree.
        unread_labels: by file name, the number of labels other than 0 and 1, with an example; they
            are not compared.
    """

    missing: set[str] = field(default_factory=set[str])
    unlisted: set[str] = field(default_factory=set[str])
    label_conflicts: set[str] = field(default_factory=set[str])
    unusable: dict[str, str] = field(default_factory=dict[str, str])
    unread_labels: dict[str, str] = field(default_factory=dict[str, str])


def compare_with_index(scan: Scan) -> Differences:
    """Compare the index files of a tree with its views.

    Missing index files are ignored, as are views and studies in folders excluded from the scan.
    """
    differences = Differences()
    for split in scan.layout.indexed_splits:
        views = scan.views.filter(split=split)
        in_tree = views.select(path="view_id")
        _compare(scan, f"{split}_image_paths.csv", in_tree, differences)
        name = f"{split}_labeled_studies.csv"
        in_tree = views.select("label", path="study_id").unique()
        if (in_index := _compare(scan, name, in_tree, differences)) is not None:
            _compare_labels(name, in_index, in_tree, differences)
    return differences


def _compare(
    scan: Scan, name: str, in_tree: pl.DataFrame, differences: Differences
) -> pl.DataFrame | None:
    """Add the differences between one index file and the tree; return the rows of a usable file."""
    try:
        index = read_index(scan.root, name)
    except UnusableIndexError as error:
        differences.unusable[name] = str(error)
        return None
    if index is None:
        return None
    entered = [folder for folder in index.rows["folder"].unique() if scan.layout.enters(folder)]
    in_index = index.rows.filter(pl.col("folder").is_in(entered)).with_columns(
        pl.col("path").str.strip_chars_end("/")
    )
    if in_index.is_empty() and in_tree.is_empty():
        return None
    if in_index.join(in_tree, on="path", how="semi").is_empty():
        differences.unusable[name] = _describe_unfit(index)
        return None
    differences.missing.update(in_index.join(in_tree, on="path", how="anti")["path"])
    differences.unlisted.update(in_tree.join(in_index, on="path", how="anti")["path"])
    return in_index


def _describe_unfit(index: IndexFile) -> str:
    if not index.num_lines:
        return "it is empty"
    return (
        f"none of its {index.num_lines:,} lines names a view or study of the tree; "
        f"the first line is {index.example!r}"
    )


def _compare_labels(
    name: str, in_index: pl.DataFrame, in_tree: pl.DataFrame, differences: Differences
) -> None:
    unread = in_index.filter(pl.col("label").is_null())
    if unread.height:
        path, text = (value[:_SHOWN_CHARS] for value in unread["path", "label_text"].row(0))
        differences.unread_labels[name] = (
            f"{unread.height:,} of {in_index.height:,} labels are not 0 or 1, "
            f"such as {text!r} of {path}"
        )
    read = in_index.drop_nulls("label").unique("path", keep="last", maintain_order=True)
    in_both = read.join(in_tree, on="path", suffix="_of_folder")
    conflicts = in_both.filter(pl.col("label") != pl.col("label_of_folder"))
    differences.label_conflicts.update(conflicts["path"])
