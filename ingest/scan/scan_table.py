"""The scan of a table of images and of their folder into a table of views."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ingest.scan.scan_tree import BROKEN_LINK, SCHEMA, UNPRINTABLE_NAME, Scan
from ingest.scan.table_rows import read_rows, unite_rows
from ingest.sources.columns import find_columns
from ingest.sources.layout import NOT_UTF_8, OTHER, NoView, count_by_kind, kind_of
from ingest.sources.table_file import open_table
from ingest.sources.table_layout import TableLayout, TableOptions
from ingest.sources.table_paths import clean_path, leaves_folder, match_files, name_key
from shared.console import note
from shared.counts import count
from shared.errors import SourceError
from shared.images.formats import has_suffix, is_bare_name
from shared.lake.manifest import FINDINGS_SCHEMA, REJECTS_SCHEMA
from shared.printable import printable
from shared.storage.store import Store
from shared.storage.walk import find_status

_FILE_SCHEMA = {name: SCHEMA[name] for name in ("view_id", *list(SCHEMA)[-3:])}
_SHOWN, _SHOWN_CHARS = 3, 80


@dataclass(frozen=True)
class _Unmatched:
    """Rows that name no file: their number, those with `..` in their path, and an example."""

    number: int
    num_outside: int
    examples: list[str]


def scan_table(options: TableOptions) -> Scan:
    """Find the file of every row of a table; count rows without a file and files without a row.

    Raises:
        SourceError: the table cannot be read, lacks a column, or names no file of the folder.
        StoreError: the object store does not respond, or returns an error.
    """
    root = TableLayout(options.name).find_root(options.images)
    files, rejects = _list_files(root)
    with open_table(options.folder, options.name) as table:
        place = options.folder.where(options.name)
        columns = find_columns(table.collect_schema().names(), options.columns, place)
        note(f"table: {', '.join(f'{role}={name}' for role, name in columns.items())}")
        rows, unmatched = _match(table, columns, files)
    if rows.is_empty():
        raise SourceError(
            "Expected rows with paths of images in images=. "
            f"Received: images={root} with {count(files.height, 'images')}, "
            f"and {count(unmatched.number, 'rows')}"
            f"{_list(unmatched.examples)}"
        )
    read, ignored = read_rows(rows, options)
    views, contradicted = unite_rows(read)
    ignored |= _count_others(files.join(rows, on="view_id", how="anti")["view_id"])
    layout = TableLayout(
        options.name, bool({"patient", "study"} & {*columns}) or bool(options.patient)
    )
    return Scan(
        root.resolve(),
        layout,
        views.join(files, on="view_id").select(SCHEMA.keys()).sort("view_id"),
        pl.concat([pl.DataFrame(rejects, REJECTS_SCHEMA, orient="row"), contradicted]),
        ignored,
        _find(options.name, unmatched, rows),
    )


def _list_files(root: Store) -> tuple[pl.DataFrame, list[tuple[str, str, str]]]:
    rejects: list[tuple[str, str, str]] = []
    rows: list[tuple[object, ...]] = []
    for folder, file in root.walk(lambda _: True):
        path = folder + file.name
        # a row may name a DICOM file without an ending
        is_image = has_suffix(path) or is_bare_name(file.name)
        if not is_image or file.name.startswith("."):
            continue
        if kind_of(path) == NOT_UTF_8:
            rejects.append((printable(path), *UNPRINTABLE_NAME))
        elif status := find_status(file):
            rows.append((path, *status))
        else:
            rejects.append((path, *BROKEN_LINK))
    return pl.DataFrame(rows, _FILE_SCHEMA, orient="row"), rejects


def _match(
    table: pl.LazyFrame, columns: dict[str, str], files: pl.DataFrame
) -> tuple[pl.DataFrame, _Unmatched]:
    names = files.select(name_key(pl.col("view_id"))).to_series().unique().to_list()
    rows = table.select(
        clean_path(pl.col(columns["path"])).fill_null("").alias("path"),
        *(pl.col(name).alias(role) for role, name in columns.items() if role != "path"),
    ).with_columns(outside=leaves_folder(pl.col("path")))
    is_named = name_key(pl.col("path")).is_in(names) & ~pl.col("outside")
    others = rows.filter(~is_named)
    # the smallest path, independent of the order of the rows
    count = (pl.len(), pl.col("outside").sum(), pl.col("path").min())
    # streaming: only rows with the name of a file are held in memory
    named, numbers = pl.collect_all(
        [rows.filter(is_named), others.select(count)], engine="streaming"
    )
    matched = match_files(named, files)
    unmatched = named.join(matched, on="path", how="anti")["path"]
    number, num_outside, first = numbers.row(0)
    examples = [path for path in (first, unmatched.min()) if isinstance(path, str)]
    return matched, _Unmatched(number + unmatched.len(), num_outside, sorted(examples)[:1])


def _count_others(paths: pl.Series) -> dict[str, int]:
    kinds = {path: kind_of(path) for path in paths}
    images = [p for p, kind in kinds.items() if kind == OTHER and has_suffix(p)]
    if images:
        kind = NoView("images without a row in the table", f"such as {min(images)}")
        kinds |= dict.fromkeys(images, kind)
    return count_by_kind(Counter(kinds.values()))


def _find(table: str, unmatched: _Unmatched, rows: pl.DataFrame) -> pl.DataFrame:
    repeated = rows.filter(pl.col("view_id").is_duplicated()).select("view_id").unique()
    files = repeated.sort("view_id")["view_id"]
    number, outside = unmatched.number, unmatched.num_outside
    # one finding a kind: a table may have a million rows without a file
    found = [
        ("rows_without_file", number, "rows", _list(unmatched.examples)),
        ("rows_outside_folder", outside, "rows", " with .. in the path"),
        ("file_in_several_rows", files.len(), "files", _list(files.head(_SHOWN))),
    ]
    findings = [(kind, table, f"{count(n, unit)}{more}") for kind, n, unit, more in found if n]
    return pl.DataFrame(findings, FINDINGS_SCHEMA, orient="row")


def _list(examples: Iterable[str]) -> str:
    shown = ", ".join(printable(path[:_SHOWN_CHARS]) for path in examples)
    return f", such as {shown}" if shown else ""
