"""Labels of studies from MURA's index files or from a table of corrections."""

from contextlib import suppress
from dataclasses import replace

import polars as pl

from ingest.layout_options import split_place
from ingest.scan.index_comparison import with_split
from ingest.scan.scan_tree import Scan
from ingest.sources.index_file import UnusableIndexError, comparable, read_index
from ingest.sources.mura import LABEL_FROM_INDEX
from shared.console import note
from shared.counts import count
from shared.errors import SourceError
from shared.labels import SPLITS
from shared.lake.manifest import FINDINGS_SCHEMA, PUBLISHED, REJECTS_SCHEMA, label_name
from shared.storage.store import Store

# kind of the finding of a study with another label than the published one
CORRECTED = "label_corrected"
_KEYS = ["split", "study"]
_LABELS_SCHEMA = {"split": pl.String, "study": pl.String, "label": pl.Int64}
_STUDY = r"^(?:(?P<split>[a-z]+)/)?(?P<study>xr_[a-z]+/patient\d+/study\d+)"


def correct_labels(scan: Scan, label_from: str) -> Scan:
    """Return the scan with the labels of the index files, or of a table with paths and labels.

    Args:
        scan: the views of MURA; the label is null if the folder has none.
        label_from: `index`, or a file whose lines have the path and the label of a study or view.

    Raises:
        SourceError: no file of labels can be read, or none of its lines names a study of the tree.
    """
    labels = index = _read_index_labels(scan)
    if label_from != LABEL_FROM_INDEX:
        labels = _read_labels(*split_place(label_from), scan.views)
    elif index.is_empty():
        names = " and ".join(f"{split}_labeled_studies.csv" for split in SPLITS)
        raise SourceError(f"Expected labels in {names}. Received: {scan.root}, without them")
    return _apply(scan, labels, index)


def _apply(scan: Scan, labels: pl.DataFrame, index: pl.DataFrame) -> Scan:
    views = scan.views.with_columns(study=_parse_study("study_id").struct.field("study"))
    for name, table in (("chosen", labels), ("indexed", index)):
        views = views.join(table.rename({"label": name}), on=_KEYS, how="left")
    # a study without a chosen label keeps the published one: that of its folder, or of the index
    published = pl.coalesce("label", "indexed", "chosen")
    views = views.with_columns(label=pl.coalesce("chosen", published), published=published)
    without = views.filter(pl.col("label").is_null())
    rejects = without.select(
        path="view_id", reason=pl.lit("no_label"), detail=pl.lit("its study has no label")
    )
    views = views.filter(pl.col("label").is_not_null()).sort("view_id")
    if views.is_empty():
        raise SourceError(f"Expected labels of studies. Received: {scan.root}, without any")
    changed = views.filter(pl.col("label") != pl.col("published"))
    name = label_name(pl.col("published"))
    findings = changed.select(
        kind=pl.lit(CORRECTED), path="study_id", detail=pl.format("published as {}", name)
    ).unique()
    note(
        f"labels: {count(findings.height, 'studies')} ({count(changed.height, 'views')}) with "
        "another label than the published one"
    )
    return replace(
        scan,
        views=views.select(scan.views.columns),
        rejects=pl.concat([scan.rejects, rejects.cast(pl.Schema(REJECTS_SCHEMA))]),
        findings=pl.concat([scan.findings, findings.cast(pl.Schema(FINDINGS_SCHEMA))]),
        published=views.select("view_id", pl.col("published").alias(PUBLISHED)),
    )


def _parse_study(path: str) -> pl.Expr:
    """Return `split` and `study`: the path from the part on, without zeros and label."""
    return comparable(pl.col(path), with_label=False).str.extract_groups(_STUDY)


def _read_index_labels(scan: Scan) -> pl.DataFrame:
    tables = [pl.DataFrame(schema=_LABELS_SCHEMA)]
    for split in scan.layout.indexed_splits:
        # `compare_with_index` reports an unusable file
        with suppress(UnusableIndexError):
            index = read_index(scan.root, f"{split}_labeled_studies.csv")
            if index is not None:
                tables.append(_key(with_split(index.rows, split)))
    return pl.concat(tables).unique(_KEYS, keep="last", maintain_order=True)


def _read_labels(folder: Store, name: str, views: pl.DataFrame) -> pl.DataFrame:
    place = folder.where(name)
    try:
        file = read_index(folder, name)
    except UnusableIndexError as error:
        raise SourceError(f"Expected paths and labels. Received: {place}, {error}") from None
    if file is None:
        raise SourceError(f"Expected paths and labels. Received: {place}, which does not exist")
    if num_unread := file.rows["label"].null_count():
        note(f"labels: {count(num_unread, 'lines')} of {name} without a known label")
    # a path without a split is one of either split
    either = pl.when(pl.col("split").is_null()).then(pl.lit([*SPLITS]))
    rows = _key(file.rows).with_columns(split=either.otherwise(pl.concat_list("split")))
    rows = rows.explode("split")
    studies = views.select("split", study=_parse_study("study_id").struct.field("study")).unique()
    labels = rows.join(studies, on=_KEYS, how="semi").unique(maintain_order=True)
    if labels.is_empty():
        raise SourceError(
            f"Expected labels of studies of the tree. Received: {place}, {file.unfit}"
        )
    twice = labels.filter(pl.struct(_KEYS).is_duplicated())
    if twice.height:
        raise SourceError(
            "Expected one label for each study. "
            f"Received: {place} with two labels of {twice['split'][0]}/{twice['study'][0]}"
        )
    return labels


def _key(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `split` (null if the path has none), `study` and `label` of the rows with a label."""
    keyed = rows.select(_parse_study("path").alias("found"), "label").unnest("found")
    return keyed.drop_nulls(["study", "label"]).select(_LABELS_SCHEMA.keys())
