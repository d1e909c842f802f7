"""The scan of a source tree into a table of views.

Only files without a suffix are opened, because the DICOM preamble tells whether they are views.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.sources.layout import NO_PATIENT, NOT_UTF_8, OTHER, Layout, NoView, View, parse_bare
from shared.errors import SourceError
from shared.images.formats import NUM_HEADER_BYTES, has_suffix, is_dicom
from shared.lake import manifest
from shared.printable import printable
from shared.storage.store import Store, as_store
from shared.storage.walk import find_status

SCHEMA = {name: manifest.SCHEMA[name] for name in ("view_id", *View._fields, "source_bytes")} | {
    "modified_ns": pl.Int64,
    "changed_ns": pl.Int64,
}
"""Columns and types of the table of views; `view_id` is the path relative to the tree's root."""

_NAMES_SHOWN = 5
_ROWS_A_TABLE = 2_000
"""Rows held as Python objects at a time; the heap never returns the memory of all of MURA's."""


@dataclass(frozen=True)
class Scan:
    """The content of a source tree.

    Attributes:
        root: the folder that contains the splits.
        layout: the layout of its paths.
        views: one row a view, columns as in `SCHEMA`, sorted by `view_id`.
        rejects: views that cannot be opened, columns as in `shared.lake.manifest.REJECTS_SCHEMA`.
        num_ignored: number of other files by kind.
    """

    root: Store
    layout: Layout
    views: pl.DataFrame
    rejects: pl.DataFrame
    num_ignored: dict[str, int]


def scan_tree(place: str | Path | Store, layout: Layout) -> Scan:
    """Find every view in a tree, a folder or an object store's URL.

    Raises:
        SourceError: the folder does not exist, contains no view or an unreadable folder, or the
            path of a view does not identify its patient.
        StoreError: the object store does not respond, or returns an error.
    """
    root = layout.find_root(as_store(place))
    tables: list[pl.DataFrame] = []
    rejects: list[tuple[str, str, str]] = []
    rows: list[tuple[object, ...]] = []
    no_views: Counter[NoView] = Counter()
    first_unmatched = ""
    for folder, file in root.walk(layout.enters):
        path = folder + file.name
        parsed = layout.parse(folder, file.name)
        if parsed == OTHER:
            bare = parse_bare(layout, folder, file.name)
            is_candidate = isinstance(bare, View) or bare == NO_PATIENT
            parsed = bare if is_candidate and _is_dicom(root, path) else OTHER
        if parsed == NOT_UTF_8 and has_suffix(path):
            rejects.append((printable(path), "name_not_utf8", "a table cannot store the name"))
        elif isinstance(parsed, NoView):
            no_views[parsed] += 1
            if parsed == NO_PATIENT:
                # the smallest path, independent of the listing order of the file system
                first_unmatched = min(path, first_unmatched or path)
        elif status := find_status(file):
            rows.append((path, *parsed, *status))
            if len(rows) == _ROWS_A_TABLE:
                tables.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
                rows.clear()
        else:
            rejects.append((path, "broken_link", "not a file, or a link without a target"))
    if num_unmatched := no_views[NO_PATIENT]:
        raise SourceError(
            "Expected patient= to match the path of every view. "
            f"Received: {num_unmatched:,} views without a match, the first is {first_unmatched}"
        )
    tables.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    views = pl.concat(tables).sort("view_id")
    if views.is_empty():
        raise SourceError(
            f"Expected views like {layout.example}. "
            f"Received: {root}, with {no_views.total():,} files and no view"
        )
    rejected = pl.DataFrame(rejects, schema=manifest.REJECTS_SCHEMA, orient="row")
    return Scan(root.resolve(), layout, views, rejected, _count_by_kind(no_views))


def _is_dicom(root: Store, path: str) -> bool:
    """Return whether a file without a suffix is DICOM; also true if it cannot be read."""
    try:
        return is_dicom(root.read_start(path, NUM_HEADER_BYTES))
    except OSError:
        # decoding states the reason
        return True


def _count_by_kind(no_views: Mapping[NoView, int]) -> dict[str, int]:
    """Return the number of files of each kind, sorted; the key of a kind lists some names."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    numbers: Counter[str] = Counter()
    for (kind, name), number in sorted(no_views.items()):
        numbers[kind] += number
        names[kind] += [name] if name else []
    return {
        f"{kind}: {_show(names[kind])}" if names[kind] else kind: number
        for kind, number in sorted(numbers.items())
        if number
    }


def _show(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
