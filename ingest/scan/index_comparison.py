"""Comparison of MURA's index files (CSV) with the views of the folder tree."""

import polars as pl

from ingest.scan.scan_tree import Scan
from ingest.sources.index_file import UnusableIndexError, comparable, read_index
from shared.counts import count
from shared.labels import SPLITS, Split
from shared.lake.manifest import FINDINGS_SCHEMA

_SHOWN_CHARS = 80

_NOT_IN_TREE, _NOT_IN_INDEX = "not_in_tree", "not_in_index"
_UNUSABLE, _UNREAD_LABELS = "index_unusable", "index_label_unreadable"
LABEL_CONFLICT = "label_conflict"
# kind, path and detail of findings; a set, as both index files can lack the same study
_Rows = set[tuple[str, str, str]]


def compare_with_index(scan: Scan) -> pl.DataFrame:
    """Return the findings from a comparison of a tree's index files, if any, with its views."""
    rows: _Rows = set()
    for split in scan.layout.indexed_splits:
        views = scan.views.filter(split=split)
        _compare(scan, split, f"{split}_image_paths.csv", views.select(path="view_id"), rows)
        name = f"{split}_labeled_studies.csv"
        in_tree = views.select("label", path="study_id").unique()
        in_index = _compare(scan, split, name, in_tree, rows)
        # labels from elsewhere correct those of the index
        if in_index is not None and "label" not in scan.layout.not_in_paths:
            _compare_labels(name, in_index, in_tree, rows)
    return pl.DataFrame(sorted(rows), schema=FINDINGS_SCHEMA, orient="row")


def _compare(
    scan: Scan, split: Split, name: str, in_tree: pl.DataFrame, rows: _Rows
) -> pl.DataFrame | None:
    """Add the differences of an index file in paths; return its rows if they are of this tree."""
    try:
        index = read_index(scan.root, name)
    except UnusableIndexError as error:
        rows.add((_UNUSABLE, name, str(error)))
        return None
    if index is None:
        return None
    in_index = with_split(index.rows, split)
    # parts= and splits= exclude folders from the scan, but not from the index files
    entered = [folder for folder in in_index["folder"].unique() if scan.layout.enters(folder)]
    in_index = in_index.filter(pl.col("folder").is_in(entered)).with_columns(
        pl.col("path").str.strip_chars_end("/")
    )
    if in_index.is_empty() and in_tree.is_empty():
        return None
    key = comparable(pl.col("path"), with_label="label" not in scan.layout.not_in_paths)
    in_index, in_tree = in_index.with_columns(key=key), in_tree.with_columns(key=key)
    missing = in_index.join(in_tree, on="key", how="anti")["path"]
    if missing.len() == in_index.height:
        rows.add((_UNUSABLE, name, index.unfit))
        return None
    unlisted = in_tree.join(in_index, on="key", how="anti")["path"]
    rows.update((_NOT_IN_TREE, path, "only in the index file") for path in missing)
    rows.update((_NOT_IN_INDEX, path, "only in the tree") for path in unlisted)
    return in_index


def with_split(rows: pl.DataFrame, split: Split) -> pl.DataFrame:
    """Add the split of an index file to paths without one."""
    has_split = pl.col("folder").str.contains(f"(?i)^(?:{'|'.join(SPLITS)})/")
    return rows.with_columns(
        pl.when(has_split).then(name).otherwise(pl.format(f"{split}/{{}}", name)).alias(name)
        for name in ("path", "folder")
    )


def _compare_labels(name: str, in_index: pl.DataFrame, in_tree: pl.DataFrame, rows: _Rows) -> None:
    unread = in_index.filter(pl.col("label").is_null())
    if unread.height:
        path, text = (value[:_SHOWN_CHARS] for value in unread["path", "label_text"].row(0))
        number = f"{unread.height:,} of {count(in_index.height, 'labels')}"
        detail = f"{number} other than 0 or 1, such as {text!r} of {path}"
        rows.add((_UNREAD_LABELS, name, detail))
    read = in_index.drop_nulls("label").unique("key", keep="last", maintain_order=True)
    key = comparable(pl.col("path"), with_label=True)
    in_both = read.join(in_tree.with_columns(key=key), on="key", suffix="_of_folder")
    conflicts = in_both.filter(pl.col("label") != pl.col("label_of_folder"))["path_of_folder"]
    rows.update(
        (LABEL_CONFLICT, path, "index file and folder differ in label") for path in conflicts
    )
