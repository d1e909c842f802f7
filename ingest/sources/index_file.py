"""Parser of MURA's index files (CSV) into a table of paths and labels."""

import os
from dataclasses import dataclass

import polars as pl

from ingest.sources.table_file import find_encoding
from ingest.sources.words import LABEL_WORDS
from shared.counts import count
from shared.labels import SPLITS
from shared.storage.store import Store

# MURA's largest has 2.5 MB; the table takes several times as much memory as the file
_LIMIT_BYTES = 256 * 1024 * 1024
# MURA's lines have at most 80; a longer line is not a path, and would fill the findings
_LINE_LIMIT_CHARS = 1024
_EXAMPLE_CHARS = 80

_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_BEFORE = r"(?i)^(?:(?:[^,]*,)*?(?<before>[^,]*),)?(?:[^,]*/)?"
_AFTER = r"(?:,(?<label>[^,]*)|$)"
_REST = r"[^,/\p{Cc}]*)[^,\p{Cc}]*)"
# any leading columns, any prefix of the path, the path from its split on, the label
_LINE = rf"{_BEFORE}(?<path>(?<folder>(?:{'|'.join(SPLITS)})/{_REST}{_AFTER}"
# the same without a split in the path
_LINE_OF_PART = rf"{_BEFORE}(?<path>(?<folder>XR_{_REST}{_AFTER}"
_SUFFIX = r"(/study\d+)_(?:negative|positive)"


class UnusableIndexError(Exception):
    """An index file that cannot be read, with the reason as message."""


@dataclass(frozen=True)
class IndexFile:
    """The content of an index file.

    Attributes:
        rows: `path` and `folder` (split and part) from the split on, or from the part on without a
            split; `label` (null if unreadable), `label_text`.
        unfit: the reason for not using the file if it names nothing of the tree.
    """

    rows: pl.DataFrame
    unfit: str


def comparable(path: pl.Expr, *, with_label: bool) -> pl.Expr:
    """Return paths of the same view or study as equal texts, with or without its label."""
    # views are also saved again in another format, and numbered without leading zeros
    plain = path.str.to_lowercase().str.strip_chars_end("/").str.replace(r"\.[a-z]+$", "")
    plain = plain.str.replace(r"/patient0+", "/patient")
    return plain if with_label else plain.str.replace(_SUFFIX, "$1")


def read_index(root: Store, name: str) -> IndexFile | None:
    """Read an index file, or another table of paths and labels, if it exists.

    Raises:
        UnusableIndexError: it is not a regular file, compressed, unreadable or too large.
        StoreError: the object store does not respond, or returns an error.
    """
    data = _read(root, name)
    if data is None:
        return None
    for magic, compression in _COMPRESSED.items():
        if data.startswith(magic):
            raise UnusableIndexError(f"it is compressed ({compression})")
    # copies in circulation have CRLF line ends; empty lines are dropped below
    text = data.decode(find_encoding(data[:4]), errors="replace").replace("\r", "\n")
    line = pl.col("line").str.strip_chars()
    lines = pl.DataFrame({"line": [text]}).select(pl.col("line").str.split("\n")).explode("line")
    lines = lines.select(line).filter(pl.col("line") != "")
    if lines.is_empty():
        return IndexFile(_parse(lines), "it is empty")
    first = str(lines["line"][0])
    shown = first[:_EXAMPLE_CHARS] + ("..." if len(first) > _EXAMPLE_CHARS else "")
    number = count(lines.height, "lines")
    unfit = f"it names no view or study of the tree in {number}; the first line is {shown!r}"
    return IndexFile(_parse(lines), unfit)


def _read(root: Store, name: str) -> bytes | None:
    try:
        size = root.sizes([name]).get(name)
        if size is None:
            # opening a pipe would block until another process writes to it
            if root.is_local and os.path.lexists(root.local_path(name)):
                raise UnusableIndexError("it is not a regular file")
            return None
        if size > _LIMIT_BYTES:
            raise UnusableIndexError(f"it has {size:,} bytes; the limit is {_LIMIT_BYTES:,}")
        return root.read(name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableIndexError(f"{error.strerror or error}") from None


def _parse(lines: pl.DataFrame) -> pl.DataFrame:
    plain = (
        pl.col("line")
        # accept quotes, other column separators, and Windows paths
        .str.replace_all(r"[\"']", "")
        .str.replace_all(r"[;\t|]", ",")
        .str.replace_all(r"[\\/]+", "/")
    )
    short = lines.filter(pl.col("line").str.len_chars() <= _LINE_LIMIT_CHARS).select(plain)
    rows = short.select(pl.col("line").str.extract_groups(_LINE).alias("row")).unnest("row")
    if rows["path"].null_count():
        others = short.filter(rows["path"].is_null())
        of_part = others.select(pl.col("line").str.extract_groups(_LINE_OF_PART).alias("row"))
        rows = pl.concat([rows, of_part.unnest("row")])
    # a line without a path is a header, or names another file
    rows = rows.drop_nulls("path")
    text = _choose_labels(rows).str.strip_chars()
    return rows.select(
        pl.col("path").str.strip_chars(),
        "folder",
        label_text=text,
        label=_label(text.str.to_lowercase()),
    )


def _choose_labels(rows: pl.DataFrame) -> pl.Expr:
    """Return the text after the path, or the text before it if every row has a label there."""
    has_label = rows.select(_label(pl.col("before").str.strip_chars().str.to_lowercase()))
    is_before = rows["label"].null_count() == rows.height and not has_label.to_series().has_nulls()
    return pl.col("before" if is_before else "label").fill_null("")


def _label(text: pl.Expr) -> pl.Expr:
    # pandas writes integer columns with missing values as 0.0 and 1.0
    number = text.cast(pl.Float64, strict=False)
    numeric = pl.when(number.is_in([0.0, 1.0])).then(number.cast(pl.Int64, strict=False))
    return pl.coalesce(
        text.replace_strict(LABEL_WORDS, default=None, return_dtype=pl.Int64), numeric
    )
