"""The index: MURA's own CSV files, held against the tree."""

from dataclasses import dataclass

import polars as pl

from ingest.scan import Scan
from ingest.sources.layout import Layout
from shared.labels import SPLITS

_LINE = rf"^(?:[^,]*?/)?(?<path>(?<folder>(?:{'|'.join(SPLITS)})/[^,/]*)[^,]*)(?:,(?<label>.*))?$"
_NO_PATHS = pl.DataFrame(schema={"path": pl.String})


@dataclass(frozen=True)
class Differences:
    """Where index files and tree disagree; each a sorted list of paths below the MURA folder.

    Attributes:
        missing: views and studies that the index names and the tree does not have.
        unlisted: views and studies of the tree that the index does not name.
        label_conflicts: studies whose label in the index is not that of their folder.
    """

    missing: list[str]
    unlisted: list[str]
    label_conflicts: list[str]


def compare_with_index(scan: Scan) -> Differences:
    """Hold the index files of a tree against its views; a file that is not there says nothing.

    What was not to be scanned is not missing.
    """
    missing, unlisted, conflicts = [_NO_PATHS], [_NO_PATHS], [_NO_PATHS]
    label = pl.col("label").cast(pl.String)
    for split in scan.layout.indexed_splits:
        views = scan.views.filter(split=split)
        listed = _read(scan, f"{split}_image_paths.csv")
        if listed is not None:
            found = views.select(path="view_id")
            missing.append(listed.select("path").join(found, on="path", how="anti"))
            unlisted.append(found.join(listed, on="path", how="anti"))
        listed = _read(scan, f"{split}_labeled_studies.csv")
        if listed is not None:
            path = pl.col("path").str.strip_chars_end("/")
            listed = listed.select(path, "label").unique("path", keep="last", maintain_order=True)
            found = views.select(label, path="study_id").unique()
            missing.append(listed.select("path").join(found, on="path", how="anti"))
            unlisted.append(found.join(listed, on="path", how="anti").select("path"))
            both = listed.join(found, on="path", suffix="_of_folder")
            conflicts.append(
                both.filter(pl.col("label") != pl.col("label_of_folder")).select("path")
            )
    return Differences(_sort(missing), _sort(unlisted), _sort(conflicts))


def _sort(paths: list[pl.DataFrame]) -> list[str]:
    return pl.concat(paths).unique().sort("path")["path"].to_list()


def _read(scan: Scan, name: str) -> pl.DataFrame | None:
    try:
        text = scan.root.read(name).decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return None
    return _rows(text, scan.layout)


def _rows(text: str, layout: Layout) -> pl.DataFrame:
    """Return path (from the split on) and label of each line.

    A header names no split and is passed, as is a line about a folder that is not scanned.

    Variants in circulation have a header line, a byte-order mark, CRLF or another top folder.
    """
    lines = pl.Series([text.replace("\r", "\n")]).str.split("\n").explode().str.strip_chars()
    rows = lines.str.extract_groups(_LINE).struct.unnest().drop_nulls("path")
    entered = [folder for folder in rows["folder"].unique() if layout.enters(folder)]
    label = pl.col("label").fill_null("").str.strip_chars()
    return rows.filter(pl.col("folder").is_in(entered)).select("path", label)
