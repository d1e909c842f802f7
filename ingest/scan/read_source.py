"""The views of a source: a tree or a table, with corrected labels and a drawn test."""

from dataclasses import replace

from ingest.layout_options import make_layout
from ingest.options import IngestOptions
from ingest.scan.correct_labels import correct_labels
from ingest.scan.draw_test import draw_test
from ingest.scan.scan_table import scan_table
from ingest.scan.scan_tree import Scan, scan_tree
from ingest.sources.layout import UnknownLayoutError
from ingest.sources.mura import LABEL_FROM_FOLDER
from ingest.sources.recorded import Layout
from ingest.sources.suggest import suggest
from ingest.sources.table_layout import TableOptions
from shared.errors import SourceError
from shared.storage.store import as_store

_TABLES = (".csv", ".tsv", ".txt", ".parquet")


def read_source(options: IngestOptions) -> Scan:
    """Find every view of the source that the options describe.

    Raises:
        SourceError: the source cannot be read, or contains no view.
        StoreError: the object store does not respond, or returns an error.
    """
    layout = make_layout(options)
    if isinstance(layout, TableOptions):
        scan = scan_table(layout)
    else:
        scan = _scan_tree(options.root, layout)
    if options.label_from != LABEL_FROM_FOLDER:
        scan = correct_labels(scan, options.label_from)
    if options.test_share is not None:
        views = draw_test(scan.views, scan.root, options.test_share, options.seed)
        drawn = {"test_share": f"{options.test_share:g}", "seed": f"{options.seed}"}
        scan = replace(scan, views=views, drawn=drawn)
    return scan


def _scan_tree(place: str, layout: Layout) -> Scan:
    if place.lower().endswith(_TABLES) and as_store(place).folders() is None:
        raise SourceError(
            f"Expected a folder, or the option layout=table for a table. Received: {place}"
        )
    try:
        return scan_tree(place, layout)
    except UnknownLayoutError as error:
        words = suggest(as_store(place))
        if not words or words == f"layout={layout.to_json()['name']}":
            raise
        raise SourceError(
            f"Expected {error.expected}, or the options {words}. Received: {error.received}"
        ) from None
