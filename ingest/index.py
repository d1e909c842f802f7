"""The index: MURA's own CSV files, held against the tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.layouts.layout import Layout
from ingest.scan import Scan
from shared.vocabulary import SPLITS


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
    missing: set[str] = set()
    unlisted: set[str] = set()
    conflicts: set[str] = set()
    for split in scan.layout.indexed_splits:
        views = scan.views.filter(split=split)
        paths_file = _read(scan, f"{split}_image_paths.csv")
        if paths_file is not None:
            listed = {path for path, _ in _rows(paths_file, scan.layout)}
            found = set(views["view_id"])
            missing |= listed - found
            unlisted |= found - listed
        studies_file = _read(scan, f"{split}_labeled_studies.csv")
        if studies_file is not None:
            listed = {path.rstrip("/"): label for path, label in _rows(studies_file, scan.layout)}
            found = dict(views.select("study_id", "label").unique().iter_rows())
            missing |= listed.keys() - found.keys()
            unlisted |= found.keys() - listed.keys()
            conflicts |= {s for s in listed.keys() & found.keys() if listed[s] != str(found[s])}
    return Differences(sorted(missing), sorted(unlisted), sorted(conflicts))


def _read(scan: Scan, name: str) -> str | None:
    try:
        return scan.root.read(name).decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return None


def _rows(text: str, layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield path (from the split on) and label of each line; a header names no split and is passed.

    So is a line about a folder that is not scanned.

    Variants in circulation have a header line, a byte-order mark, CRLF or another top folder.
    """
    for line in text.splitlines():
        path, _, label = line.strip().partition(",")
        for split in SPLITS:
            before, found, after = path.partition(f"{split}/")
            if found and (not before or before.endswith("/")):
                if layout.enters(found + after.partition("/")[0]):
                    yield found + after, label.strip()
                break
