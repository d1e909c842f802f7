"""Scan: a tree of radiographs becomes a table of views; nothing is opened."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ingest.layouts.layout import NO_PATIENT, NOT_UTF_8, Layout, NoView, View
from shared import manifest
from shared.bucket import Bucket
from shared.errors import SourceError
from shared.folder import Folder
from shared.store import Store, as_store

SCHEMA = {name: manifest.SCHEMA[name] for name in ("view_id", *View._fields, "source_bytes")} | {
    "modified_ns": pl.Int64
}
"""Columns and types of the views of a tree; `view_id` is also the path below the tree's root."""

_NAMES_SHOWN = 5
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")
_LEVELS_APART = 2
"""Folders of an object store so far down, in MURA body parts of a split, are listed one by one."""
_ROWS_A_TABLE = 2_000
"""Views that are Python objects at a time: those of a whole MURA would never leave the heap."""


class _Object(NamedTuple):
    """What an object store's listing says of a file."""

    name: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Scan:
    """What a tree holds.

    Attributes:
        root: the folder that holds the splits.
        layout: how its paths were read.
        views: one row a view, columns as in `SCHEMA`, sorted by `view_id`.
        rejects: views that cannot be opened, columns as in `shared.manifest.REJECTS_SCHEMA`.
        num_ignored: how many files of each kind are no views.
    """

    root: Store
    layout: Layout
    views: pl.DataFrame
    rejects: pl.DataFrame
    num_ignored: dict[str, int]


def scan_tree(place: str | Path | Store, layout: Layout) -> Scan:
    """Find every view in a tree.

    Args:
        place: a folder, or an object store's URL.
        layout: how its paths are read.

    Raises:
        SourceError: there is no such folder or no view in it, a folder cannot be entered, or the
            path of a view does not say whose it is.
        StoreError: the object store does not answer, or not as it should.
    """
    root = layout.find_root(as_store(place))
    tables: list[pl.DataFrame] = []
    rejects: list[tuple[str, str, str]] = []
    rows: list[tuple[object, ...]] = []
    no_views: defaultdict[NoView, list[str]] = defaultdict(list)
    for folder, file in _files(root, layout.enters):
        path = folder + file.name
        answer = layout.parse(folder, file.name)
        if answer == NOT_UTF_8 and path.lower().endswith(_IMAGE_ENDINGS):
            shown = os.fsencode(path).decode(errors="backslashreplace")
            rejects.append((shown, "name_not_utf8", "no table can hold the name"))
        elif isinstance(answer, NoView):
            no_views[answer].append(path)
        elif status := _status_of_file(file):
            rows.append((path, *answer, *status))
            if len(rows) == _ROWS_A_TABLE:
                tables.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
                rows.clear()
        else:
            rejects.append((path, "broken_link", "it leads to no file"))
    if nameless := no_views[NO_PATIENT]:
        raise SourceError(
            "Expected patient= to find the patient in the path of every view. "
            f"Received: {len(nameless):,} views in which it finds none, first {min(nameless)}"
        )
    tables.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    views = pl.concat(tables).sort("view_id")
    if views.is_empty():
        raise SourceError(
            f"Expected views like {layout.example}. "
            f"Received: {root}, which holds none among {sum(map(len, no_views.values()))} files"
        )
    rejected = pl.DataFrame(rejects, schema=manifest.REJECTS_SCHEMA, orient="row")
    return Scan(root.resolve(), layout, views, rejected, _count_by_kind(no_views))


def _files(
    root: Store, enters: Callable[[str], bool]
) -> Iterator[tuple[str, "os.DirEntry[str] | _Object"]]:
    """Yield each file below `root` with the path of its folder, which ends in a slash."""
    return _walk(str(root), enters) if isinstance(root, Folder) else _list_objects(root, enters)


def _list_objects(
    root: Bucket, enters: Callable[[str], bool], folder: str = "", levels: int = _LEVELS_APART
) -> Iterator[tuple[str, "_Object"]]:
    """Yield as `_files` does; the folders some levels down are listed whole, one after the other.

    So no more than one of them is held as objects of Python.
    """
    if levels:
        names, files = root.list_level(folder)
        below = [path for name in sorted(names) if enters(path := folder + name)]
    else:
        files, below = root.list_files(folder), []
    entered = {folder: True}

    def is_entered(path: str) -> bool:
        if path not in entered:
            parent = path[:-1].rpartition("/")[0]
            entered[path] = is_entered(parent and f"{parent}/") and enters(path[:-1])
        return entered[path]

    for path, size_bytes, modified_ns in files:
        parent, slash, name = path.rpartition("/")
        if is_entered(parent + slash):
            yield parent + slash, _Object(name, size_bytes, modified_ns)
    for path in below:
        yield from _list_objects(root, enters, f"{path}/", levels - 1)


def _walk(root: str, enters: Callable[[str], bool]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield each file below `root` with the path of its folder, which ends in a slash.

    Links to folders are entered last and no folder twice, so that a circle ends. Without links
    there is no circle, so folders are told apart only from the first link on: that costs a look at
    each.
    """
    pending, links = [""], list[str]()
    walked: list[str] = []
    entered: set[tuple[int, int]] | None = None
    while pending or links:
        if not pending and entered is None:
            entered = {_identity(f"{root}/{folder}") for folder in walked}
        if not pending:
            # the order in which a file system lists them must not decide which link is entered
            links.sort(reverse=True)
        folder = pending.pop() if pending else links.pop()
        if entered is None:
            walked.append(folder)
        elif (identity := _identity(f"{root}/{folder}")) in entered:
            continue
        else:
            entered.add(identity)
        for entry in _list(f"{root}/{folder}"):
            if not _is_folder(entry):
                yield folder, entry
            elif enters(path := folder + entry.name):
                (links if entry.is_symlink() else pending).append(path + "/")


def _list(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise _refuse(folder, error) from None


def _status_of_file(entry: "os.DirEntry[str] | _Object") -> tuple[int, int] | None:
    """Return size and time, or None where a link is broken or what is there is no file."""
    if isinstance(entry, _Object):
        return entry.size_bytes, entry.modified_ns
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
        return status.st_size, status.st_mtime_ns
    except PermissionError as error:
        raise _refuse(str(Path(entry.path).parent), error) from None
    except OSError:
        return None


def _refuse(folder: str, error: OSError) -> SourceError:
    return SourceError(
        "Expected to enter every folder, because views would be lost otherwise. "
        f"Received: {folder.rstrip('/')}, {error.strerror}"
    )


def _identity(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Return what the entry says; a link in a circle leads to nothing."""
    try:
        return entry.is_dir()
    except PermissionError as error:
        raise _refuse(str(Path(entry.path).parent), error) from None
    except OSError:
        return False


def _count_by_kind(no_views: dict[NoView, list[str]]) -> dict[str, int]:
    """Return how many files are of each kind, sorted; a kind says some of the names it has."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    numbers: Counter[str] = Counter()
    for (kind, name), paths in sorted(no_views.items()):
        numbers[kind] += len(paths)
        names[kind] += [name] if name else []
    return {
        f"{kind}: {_show(names[kind])}" if names[kind] else kind: number
        for kind, number in sorted(numbers.items())
        if number
    }


def _show(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
