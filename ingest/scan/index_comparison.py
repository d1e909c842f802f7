"""Comparison of MURA's index files (CSV) with the views of the folder tree."""

from dataclasses import dataclass, field

import polars as pl

from ingest.scan.scan_tree import Scan
from ingest.sources.index_file import IndexFile, UnusableIndexError, comparable, read_index
from shared.counts import count
from shared.labels import SPLITS, Split

_SHOWN_CHARS = 80


@dataclass(frozen=True)
class Differences:
    """Differences between index files and tree.

    Attributes:
        missing: views and studies of the index that are not in the tree.
        unlisted: views and studies of the tree that are not in the index.
        label_conflicts: studies with different labels in the index and in their folder name.
        unusable: by file name, the reason why an index file is ignored.
        unread_labels: by file name, the number of labels other than 0 and 1, with an example.
    """

    missing: set[str] = field(default_factory=set[str])
    unlisted: set[str] = field(default_factory=set[str])
    label_conflicts: set[str] = field(default_factory=set[str])
    unusable: dict[str, str] = field(default_factory=dict[str, str])
    unread_labels: dict[str, str] = field(default_factory=dict[str, str])


def compare_with_index(scan: Scan) -> Differences:
    """Compare the index files of a tree, if any, with its views."""
    differences = Differences()
    for split in scan.layout.indexed_splits:
        views = scan.views.filter(split=split)
        paths = views.select(path="view_id")
        _compare(scan, split, f"{split}_image_paths.csv", paths, differences)
        name = f"{split}_labeled_studies.csv"
        in_tree = views.select("label", path="study_id").unique()
        in_index = _compare(scan, split, name, in_tree, differences)
        # labels from elsewhere correct those of the index
        if in_index is not None and "label" not in scan.layout.not_in_paths:
            _compare_labels(name, in_index, in_tree, differences)
    return differences


def _compare(
    scan: Scan, split: Split, name: str, in_tree: pl.DataFrame, differences: Differences
) -> pl.DataFrame | None:
    try:
        index = read_index(scan.root, name)
    except UnusableIndexError as error:
        differences.unusable[name] = str(error)
        return None
    if index is None:
        return None
    with_label = "label" not in scan.layout.not_in_paths
    in_index = with_split(index.rows, split)
    # parts= and splits= exclude folders from the scan, but not from the index files
    entered = [folder for folder in in_index["folder"].unique() if scan.layout.enters(folder)]
    in_index = in_index.filter(pl.col("folder").is_in(entered)).with_columns(
        pl.col("path").str.strip_chars_end("/")
    )
    if in_index.is_empty() and in_tree.is_empty():
        return None
    key = comparable(pl.col("path"), with_label=with_label)
    in_index, in_tree = in_index.with_columns(key=key), in_tree.with_columns(key=key)
    if in_index.join(in_tree, on="key", how="semi").is_empty():
        differences.unusable[name] = describe_unfit(index)
        return None
    differences.missing.update(in_index.join(in_tree, on="key", how="anti")["path"])
    differences.unlisted.update(in_tree.join(in_index, on="key", how="anti")["path"])
    return in_index


def with_split(rows: pl.DataFrame, split: Split) -> pl.DataFrame:
    """Add the split of an index file to paths without one."""
    has_split = pl.col("folder").str.contains(f"(?i)^(?:{'|'.join(SPLITS)})/")
    return rows.with_columns(
        pl.when(has_split).then(name).otherwise(pl.format(f"{split}/{{}}", name)).alias(name)
        for name in ("path", "folder")
    )


def describe_unfit(index: IndexFile) -> str:
    """Return the reason why an index file without a path of the tree is not used."""
    if not index.num_lines:
        return "it is empty"
    return (
        f"it names no view or study of the tree in {count(index.num_lines, 'lines')}; "
        f"the first line is {index.example!r}"
    )


def _compare_labels(
    name: str, in_index: pl.DataFrame, in_tree: pl.DataFrame, differences: Differences
) -> None:
    unread = in_index.filter(pl.col("label").is_null())
    if unread.height:
        path, text = (value[:_SHOWN_CHARS] for value in unread["path", "label_text"].row(0))
        differences.unread_labels[name] = (
            f"{unread.height:,} of {count(in_index.height, 'labels')} other than 0 or 1, "
            f"such as {text!r} of {path}"
        )
    read = in_index.drop_nulls("label").unique("key", keep="last", maintain_order=True)
    key = comparable(pl.col("path"), with_label=True)
    in_both = read.join(in_tree.with_columns(key=key), on="key", suffix="_of_folder")
    conflicts = in_both.filter(pl.col("label") != pl.col("label_of_folder"))
    differences.label_conflicts.update(conflicts["path_of_folder"])
