"""Scan: a MURA tree becomes a table of views; nothing is opened."""

import errno
import os
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared import manifest
from shared.errors import SourceError
from shared.vocabulary import BODY_PARTS, SPLITS

_MANIFEST_COLUMNS = (
    "view_id",
    "split",
    "body_part",
    "label",
    "patient_id",
    "study_id",
    "source_bytes",
)
SCHEMA = {name: manifest.SCHEMA[name] for name in _MANIFEST_COLUMNS} | {"modified_ns": pl.Int64}
"""Columns and types of the views of a tree; `view_id` is also the path below the tree's root."""

_VIEW = re.compile(
    rf"(?P<study_id>(?P<split>{'|'.join(SPLITS)})/XR_(?P<part>{'|'.join(BODY_PARTS).upper()})"
    r"/patient(?P<patient>\d+)/study\d+_(?P<label>positive|negative))/image\d+\.png",
    re.ASCII,
)
_IGNORED = {
    # such bytes stand as lone surrogates in a str
    "names that are not UTF-8": re.compile(r".*[\ud800-\udfff].*", re.DOTALL),
    "AppleDouble files": re.compile(r"(.*/)?\._[^/]*"),
    ".DS_Store": re.compile(r"(.*/)?\.DS_Store"),
    "thumbnails": re.compile(r".*(thumb|Thumbs\.db).*", re.IGNORECASE),
    "masks": re.compile(r".*mask.*", re.IGNORECASE),
    "index files": re.compile(r"(train|valid)_(image_paths|labeled_studies)\.csv"),
}
_NO_FILES, _OTHER = "broken links and special files", "other files"


@dataclass(frozen=True)
class Scan:
    """What a MURA tree holds.

    Attributes:
        root: the folder that holds `train` and `valid`.
        views: one row a view, columns as in `SCHEMA`, sorted by `view_id`.
        num_ignored: how many files of each kind are no views.
    """

    root: Path
    views: pl.DataFrame
    num_ignored: dict[str, int]


def scan_tree(root: Path) -> Scan:
    """Find every view below `root`, the MURA folder or its parent.

    Raises:
        SourceError: there is no such folder, no view in it, or a folder that cannot be searched.
    """
    root = _find_mura(root)
    rows: list[tuple[str, str, str, int, int, str, int, int]] = []
    ignored: Counter[str] = Counter()
    with _refuse_unreadable():
        for path, entry in _walk(root):
            match = _VIEW.fullmatch(path)
            status = _status_of_file(entry) if match else None
            if match and not status:
                ignored[_NO_FILES] += 1
            elif match and status:
                part, label = match["part"].lower(), int(match["label"] == "positive")
                who = (match["split"], part, label, int(match["patient"]), match["study_id"])
                rows.append((path, *who, status.st_size, status.st_mtime_ns))
            else:
                ignored[_kind(path)] += 1
    if not rows:
        raise SourceError(
            "Expected views like train/XR_WRIST/patient00001/study1_positive/image1.png. "
            f"Received: {root}, which holds none among {ignored.total()} files"
        )
    views = pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("view_id")
    return Scan(root.resolve(), views, dict(sorted(ignored.items())))


def _find_mura(root: Path) -> Path:
    """Return the folder that holds the splits: `root` or the MURA folder in it."""
    if not root.is_dir():
        raise SourceError(
            f"Expected the folder MURA-v1.1 or its parent. Received: no folder {root}"
        )
    for folder in (root, root / "MURA-v1.1", *sorted(root.glob("MURA-v1*"))):
        if any((folder / split).is_dir() for split in SPLITS):
            return folder
    raise SourceError(
        f"Expected a folder with {' or '.join(SPLITS)}, or with MURA-v1.1 in it. "
        f"Received: {root}, which has neither"
    )


def _walk(root: Path) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield each file below `root` with its path from there.

    Links to folders are entered last and no folder twice, so that a circle ends.
    """
    pending, links = [("", str(root))], list[tuple[str, str]]()
    entered: set[tuple[int, int]] = set()
    while pending or links:
        prefix, folder = pending.pop() if pending else links.pop()
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                path = prefix + entry.name
                if _is_folder(entry):
                    (links if entry.is_symlink() else pending).append((path + "/", entry.path))
                else:
                    yield path, entry


@contextmanager
def _refuse_unreadable() -> Generator[None, None, None]:
    """Refuse a tree that cannot be searched: what is passed by would vanish from the lake."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            "Expected to search every folder of the tree; allow it or move it out, and run again. "
            f"Received: {error.strerror} for {error.filename}"
        ) from None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _status_of_file(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """Return what the scan keeps of a file; None of a broken link and of what is no file."""
    try:
        return entry.stat() if entry.is_file() else None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise


def _kind(path: str) -> str:
    return next((kind for kind, pattern in _IGNORED.items() if pattern.fullmatch(path)), _OTHER)
