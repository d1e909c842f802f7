"""Assignment of a table's rows to files, whatever prefix and ending its paths have."""

import re
from collections.abc import Iterator

import polars as pl

from shared.images.formats import SUFFIXES

# leading folders of a row's path that the tree may lack
_MAX_STRIPPED = 8
# leading folders of the tree that a row's path may lack
_MAX_DEEPER = 2
_ENDING = f"(?:{'|'.join(map(re.escape, SUFFIXES))})$"
_NAME = r"^.*/"


def clean_path(path: pl.Expr) -> pl.Expr:
    """Return the path with slashes, and without quotes and a leading `./`."""
    plain = path.str.strip_chars(" \t\r\"'").str.replace_all(r"[\\/]+", "/")
    return plain.str.replace(r"^(?:\./)+", "")


def leaves_folder(path: pl.Expr) -> pl.Expr:
    """Return whether a path has a `..`."""
    return path.str.contains(r"(?:^|/)\.\.(?:/|$)")


def name_key(path: pl.Expr) -> pl.Expr:
    """Return the file's name in lower case, without the ending of an image."""
    return _loose(path.str.replace(_NAME, ""))


def match_files(rows: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that name a file, with its path.

    Args:
        rows: column `path`, as from `clean_path`.
        files: column `view_id`, the paths of the files.
    """
    # the comparison with the most matches applies to all rows
    best, most = rows.head(0).with_columns(view_id=pl.lit("")), 0
    for of_row, of_file in _comparisons():
        keyed = files.select("view_id", key=of_file)
        # a name that several files share matches none of them
        keyed = keyed.filter(~pl.col("key").is_duplicated())
        found = rows.with_columns(key=of_row).join(keyed, on="key")
        if found.height > most:
            best, most = found.drop("key"), found.height
        if most == rows.height:
            break
    return best


def _comparisons() -> Iterator[tuple[pl.Expr, pl.Expr]]:
    exact = (pl.col("path"), pl.col("view_id"))
    loose = (_loose(exact[0]), _loose(exact[1]))
    # exactly, then without leading folders of the row or of the tree, and by name alone at last
    for row, file in (exact, loose):
        yield from ((_strip(row, number), file) for number in range(_MAX_STRIPPED + 1))
        yield from ((row, _strip(file, number)) for number in range(1, _MAX_DEEPER + 1))
    for row, file in (exact, loose):
        yield row.str.replace(_NAME, ""), file.str.replace(_NAME, "")


def _strip(path: pl.Expr, num_folders: int) -> pl.Expr:
    return path.str.replace(rf"^(?:[^/]*/){{{num_folders}}}", "")


def _loose(path: pl.Expr) -> pl.Expr:
    return path.str.to_lowercase().str.replace(_ENDING, "")
