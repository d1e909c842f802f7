"""The scan of a source tree into a table of views."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ingest.sources.layout import (
    NO_PATIENT,
    NOT_UTF_8,
    OTHER,
    NoView,
    UnknownLayoutError,
    View,
    count_by_kind,
    parse_bare,
)
from ingest.sources.recorded import Layout
from shared.counts import count
from shared.errors import SourceError
from shared.images.formats import NUM_HEADER_BYTES, has_suffix, is_dicom
from shared.lake import manifest
from shared.printable import printable
from shared.storage.store import Store, as_store
from shared.storage.walk import find_status

# columns of the table of views; `view_id` is the path relative to the tree's root
SCHEMA = {
    **{name: manifest.SCHEMA[name] for name in ("view_id", *View._fields, "source_bytes")},
    **dict.fromkeys(("modified_ns", "changed_ns"), pl.Int64),
}

# reasons and details of rejected files
BROKEN_LINK = ("broken_link", "not a file, or a link without a target")
UNPRINTABLE_NAME = ("name_not_utf8", "a table cannot store the name")
OTHER_IMAGES = NoView("images outside of the layout")
# rows held as Python objects at a time; the heap never returns the memory of all of MURA's
_ROWS_A_TABLE = 2_000


@dataclass(frozen=True)
class Scan:
    """The content of a source tree.

    Attributes:
        root: the folder that contains the splits.
        views: columns as in `SCHEMA`, sorted by `view_id`.
        rejects: views that cannot be opened, columns as in `shared.lake.manifest.REJECTS_SCHEMA`.
        num_ignored: number of other files by kind.
        findings: columns as in `shared.lake.manifest.FINDINGS_SCHEMA`.
        published: `view_id` and `label_as_published`, if labels were corrected.
        drawn: options of a drawn test.
    """

    root: Store
    layout: Layout
    views: pl.DataFrame
    rejects: pl.DataFrame
    num_ignored: dict[str, int]
    findings: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=manifest.FINDINGS_SCHEMA)
    )
    published: pl.DataFrame | None = None
    drawn: dict[str, str] = field(default_factory=dict[str, str])


class _Found:
    def __init__(self) -> None:
        self.rejects: list[tuple[str, str, str]] = []
        self.no_views: Counter[NoView] = Counter()
        # the smallest path of a kind, independent of the listing order of the file system
        self.first: dict[NoView, str] = {}
        self._tables: list[pl.DataFrame] = []
        self._rows: list[tuple[object, ...]] = []

    def count(self, parsed: NoView, path: str) -> None:
        is_image = has_suffix(path)
        if parsed == NOT_UTF_8 and is_image:
            self.rejects.append((printable(path), *UNPRINTABLE_NAME))
            return
        kind = OTHER_IMAGES if parsed == OTHER and is_image else parsed
        self.no_views[kind] += 1
        if kind in (OTHER_IMAGES, NO_PATIENT):
            self.first[kind] = min(path, self.first.get(kind, path))

    def add(self, row: tuple[object, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROWS_A_TABLE:
            self._tables.append(pl.DataFrame(self._rows, schema=SCHEMA, orient="row"))
            self._rows.clear()

    def views(self) -> pl.DataFrame:
        rest = pl.DataFrame(self._rows, schema=SCHEMA, orient="row")
        return pl.concat([*self._tables, rest]).sort("view_id")


def scan_tree(place: str | Path | Store, layout: Layout) -> Scan:
    """Find every view in a tree, a folder or an object store's URL.

    Raises:
        SourceError: the folder does not exist, contains no view or an unreadable folder, or the
            path of a view does not identify its patient.
        StoreError: the object store does not respond, or returns an error.
    """
    root = layout.find_root(as_store(place))
    found = _find_views(root, layout)
    if num_unmatched := found.no_views[NO_PATIENT]:
        raise SourceError(
            "Expected patient= to match the path of every view. Received: "
            f"{count(num_unmatched, 'views')} without a match, such as {found.first[NO_PATIENT]}"
        )
    views, example = found.views(), found.first.get(OTHER_IMAGES)
    if example:
        shown = NoView(OTHER_IMAGES.kind, f"such as {example}")
        found.no_views[shown] = found.no_views.pop(OTHER_IMAGES)
    ignored = count_by_kind(found.no_views)
    if views.is_empty():
        raise UnknownLayoutError(
            f"views like {layout.example}",
            f"{root}, with {count(found.no_views.total(), 'files')} and no view"
            f"{', '.join(['', *ignored])}",
        )
    rejects = pl.DataFrame(found.rejects, schema=manifest.REJECTS_SCHEMA, orient="row")
    return Scan(root.resolve(), layout, views, rejects, ignored)


def _find_views(root: Store, layout: Layout) -> _Found:
    found = _Found()
    for folder, file in root.walk(layout.enters):
        path = folder + file.name
        parsed = layout.parse(folder, file.name)
        # only files without a suffix are opened: the DICOM preamble shows whether they are views
        if parsed == OTHER:
            bare = parse_bare(layout, folder, file.name)
            is_candidate = isinstance(bare, View) or bare == NO_PATIENT
            parsed = bare if is_candidate and _is_dicom(root, path) else OTHER
        if isinstance(parsed, NoView):
            found.count(parsed, path)
        elif status := find_status(file):
            found.add((path, *parsed, *status))
        else:
            found.rejects.append((path, *BROKEN_LINK))
    return found


def _is_dicom(root: Store, path: str) -> bool:
    try:
        return is_dicom(root.read_start(path, NUM_HEADER_BYTES))
    except OSError:
        # decoding states the reason
        return True
