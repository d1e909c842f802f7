"""The search for views in paths, folders and globs; the views of one folder form a study."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared.errors import SourceError
from shared.images.formats import is_dicom
from shared.printable import printable
from shared.storage.store import as_path

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})
# DICOM files begin with a preamble of 128 bytes and "DICM"
_NUM_HEADER_BYTES = 132
# spreadsheets evaluate CSV cells that begin with these characters
_FORMULA_CHARACTERS = "=+-@"


@dataclass(frozen=True)
class FoundViews:
    """The views of the given paths.

    Attributes:
        files: one file per view; names may have any bytes.
        table: one row per view, with printable names: `path`, and `study`, the view's folder.
    """

    files: list[Path]
    table: pl.DataFrame


def find_views(paths: Sequence[str]) -> FoundViews:
    """Return the views of paths, each once, in the order of paths.

    The path of a file is a view with any name. In folders, views are files that end in .png,
    .jpg, .jpeg, .dcm or .dicom, and DICOM files with any other ending or none, because archives
    name them by UID. Hidden files (AppleDouble's too) are skipped.

    Args:
        paths: files, folders or globs (`**` for any depth).

    Raises:
        SourceError: a path does not exist or has no views, or two names have the same printable
            form.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for file in _expand(path):
            found.setdefault(os.path.normpath(file.absolute()), file)
    files = list(found.values())
    table = {
        "path": _to_printable([str(file) for file in files]),
        "study": _to_printable([str(file.parent) for file in files]),
    }
    return FoundViews(files, pl.DataFrame(table, schema=dict.fromkeys(table, pl.String)))


def _to_printable(names: list[str]) -> list[str]:
    """Return printable names, with `./` before names that a spreadsheet would run as formulas."""
    printable_names = [
        printable(f"./{name}" if name[0] in _FORMULA_CHARACTERS else name) for name in names
    ]
    if len(set(printable_names)) < len(set(names)):
        raise SourceError(
            "Expected file names that differ in print. Received: two names that print alike, "
            "because of control characters or bytes that are not UTF-8"
        )
    return printable_names


def _expand(path: str) -> Iterator[Path]:
    expanded = as_path("paths", path)
    # a file name may contain glob characters, so existing files come first
    matches = [expanded] if expanded.exists() else _glob(str(expanded))
    files = [file for match in matches for file in _list_views(match)]
    if not files:
        reason = "without images" if matches else "which matches no file"
        raise SourceError(
            "Expected an image, a DICOM file, or a folder or glob of such files. "
            f"Received: {path}, {reason}"
        )
    yield from files


def _glob(pattern: str) -> list[Path]:
    return [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207  # a pattern may be absolute


def _list_views(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = (file for file in path.rglob("*") if file.name[0] != "." and not file.is_dir())
    return sorted(file for file in files if _is_view(file))


def _is_view(file: Path) -> bool:
    """Return whether to read a file; also true for unreadable files, to report them."""
    if file.suffix.lower() in _SUFFIXES:
        return True
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return is_dicom(opened.read(_NUM_HEADER_BYTES))
    except OSError:
        return True
