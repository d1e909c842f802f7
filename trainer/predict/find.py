"""Find: the views that paths, folders and globs name; those of one folder are a study."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared.errors import SourceError
from shared.printable import printable
from shared.store import as_path
from trainer.predict.dicom import is_dicom

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})
_FIRST_BYTES = 132
_FORMULAS = "=+-@"


@dataclass(frozen=True)
class FoundViews:
    """The views that paths name.

    Attributes:
        files: one a view; names may have any bytes.
        table: likewise, `path` and `study`, the folder that a view lies in, as they are shown.
    """

    files: list[Path]
    table: pl.DataFrame


def find_views(paths: Sequence[str]) -> FoundViews:
    """Return the views that are named, each once, in the order of paths.

    A file that is named is a view whatever it is called. In folders, files that end in .png, .jpg,
    .jpeg, .dcm or .dicom are, and DICOM files with any other ending or none, as archives write them
    and name them by their UID; hidden ones (AppleDouble's too) are not.

    Args:
        paths: files, folders or globs (`**` for any depth).

    Raises:
        SourceError: a path is not there, nothing in it is a view, or two folders or files are
            shown alike.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for file in _expand(path):
            found.setdefault(os.path.normpath(file.absolute()), file)
    files = list(found.values())
    table = {
        "path": _show([str(file) for file in files]),
        "study": _show([str(file.parent) for file in files]),
    }
    return FoundViews(files, pl.DataFrame(table, schema=dict.fromkeys(table, pl.String)))


def _show(names: list[str]) -> list[str]:
    """Return names that any table can hold; a spreadsheet takes none of them for a formula."""
    shown = [printable(f"./{name}" if name[0] in _FORMULAS else name) for name in names]
    if len(set(shown)) < len(set(names)):
        raise SourceError(
            "Expected names that differ where they are printed. Received: two that do not, because "
            "one has bytes that are not UTF-8, or control characters"
        )
    return shown


def _expand(path: str) -> Iterator[Path]:
    expanded = as_path("paths", path)
    # a file's own name may have a glob's characters
    matches = [expanded] if expanded.exists() else _glob(str(expanded))
    files = [file for match in matches for file in _list(match)]
    if not files:
        what = "in which there is none" if matches else "and nothing has that name"
        raise SourceError(
            "Expected an image, a DICOM file, a folder with some, or a glob that matches some. "
            f"Received: {path}, {what}"
        )
    yield from files


def _glob(pattern: str) -> list[Path]:
    return [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207  # a pattern may be absolute


def _list(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = (file for file in path.rglob("*") if file.name[0] != "." and not file.is_dir())
    return sorted(file for file in files if _looks_like_view(file))


def _looks_like_view(file: Path) -> bool:
    """Return whether a file is to be read; it is, to be reported, if it cannot be opened."""
    if file.suffix.lower() in _SUFFIXES:
        return True
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return is_dicom(opened.read(_FIRST_BYTES))
    except OSError:
        return True
