"""The search for views in paths, folders and globs; the views of one folder form a study."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared.errors import ImageError, SourceError
from shared.images.formats import NUM_HEADER_BYTES, detect_format, has_suffix
from shared.printable import FORMULA_CHARACTERS, printable
from shared.storage.store import as_path
from shared.storage.walk import walk_folder


@dataclass(frozen=True)
class FoundViews:
    """The views of the given paths.

    Attributes:
        files: one file per view; names may have any bytes.
        table: one row per view, with printable names: `path`, and `study`, the view's folder.
        left_out: number of other files in the folders, by suffix.
    """

    files: list[Path]
    table: pl.DataFrame
    left_out: dict[str, int]


def find_views(paths: Sequence[str]) -> FoundViews:
    """Return the views of paths, each once, in the order of paths.

    The path of a file is a view with any name. In folders, views are files with a suffix of
    `shared.images.formats.SUFFIXES`, and other DICOM files; hidden files are left out.

    Raises:
        SourceError: a path does not exist or has no views, or a folder cannot be read.
    """
    found: dict[str, Path] = {}
    left_out: Counter[str] = Counter()
    for path in paths:
        for file in _expand(path, left_out):
            found.setdefault(os.path.normpath(file.absolute()), file)
    files = list(found.values())
    table = {
        "path": _to_printable([str(file) for file in files]),
        "study": _to_printable([str(file.parent) for file in files]),
    }
    views = pl.DataFrame(table, schema=dict.fromkeys(table, pl.String))
    return FoundViews(files, views, dict(left_out))


def _to_printable(names: list[str]) -> list[str]:
    """Return printable names, with `./` before names that a spreadsheet would run as formulas."""
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        text = base = printable(f"./{name}" if name[0] in FORMULA_CHARACTERS else name)
        # names that differ in control characters or in bytes that are not UTF-8 can print alike
        number = 2
        while text in taken:
            text, number = f"{base} ({number})", number + 1
        taken.add(text)
        shown[name] = text
    return [shown[name] for name in names]


def _expand(path: str, left_out: Counter[str]) -> Iterator[Path]:
    expanded = as_path("paths", path)
    # a file name may contain glob characters, so existing files come first
    matches = [expanded]
    if not expanded.exists():
        names = glob.glob(str(expanded), recursive=True)  # noqa: PTH207  # a pattern may be absolute
        matches = [Path(name) for name in sorted(names)]
    files = [file for match in matches for file in _list_views(match, left_out)]
    if not files:
        reason = "without images" if matches else "which matches no file"
        raise SourceError(
            "Expected an image, a DICOM file, or a folder or glob of such files. "
            f"Received: {path}, {reason}"
        )
    yield from files


def _list_views(path: Path, left_out: Counter[str]) -> list[Path]:
    """Return the views in a folder, sorted; links are followed, and cycles of links are cut."""
    if not path.is_dir():
        return [path]
    views: list[Path] = []
    for folder, entry in walk_folder(str(path), enters=lambda _: True):
        file = path / folder / entry.name
        # AppleDouble files have the suffixes of images
        if entry.name[0] == ".":
            left_out["hidden"] += 1
        elif _is_view(file):
            views.append(file)
        else:
            left_out[printable(file.suffix.lower()) or "without suffix"] += 1
    return sorted(views)


def _is_view(file: Path) -> bool:
    """Return whether to read a file; also true for unreadable files, to report them."""
    if has_suffix(file.name):
        return True
    if not file.is_file():
        return False
    # archives name DICOM files by UID, with any ending or none
    try:
        with file.open("rb") as opened:
            return detect_format(opened.read(NUM_HEADER_BYTES)) == "dicom"
    except ImageError:
        return False
    except OSError:
        return True
