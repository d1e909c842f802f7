"""Tables of images: CSV, TSV or Parquet files, read lazily as columns of text."""

import codecs
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from shared.errors import SourceError
from shared.storage.store import Store

_SEPARATORS = ",;\t|"
_CHUNK_CHARS = 1 << 20
_HEAD_BYTES = 1 << 16
_PARQUET = b"PAR1"
_COMPRESSED = {b"PK\x03\x04": "an Excel workbook or zip file", b"\x1f\x8b": "a gzip file"}
# also if there is no byte-order mark
_UTF_8 = "utf-8-sig"
# UTF-32 before UTF-16: its little-endian byte-order mark begins with that of UTF-16
_ENCODINGS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@contextmanager
def open_table(folder: Store, name: str) -> Generator[pl.LazyFrame]:
    """Open a table; its columns are text, and its rows are not read yet.

    Raises:
        SourceError: the file is missing, empty, or not a table.
    """
    with TemporaryDirectory() as temporary:
        path = _make_local(folder, name, Path(temporary) / "table")
        try:
            yield _scan(path)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            reason = str(error).partition("\n")[0]
            raise _refuse(folder.where(name), reason) from None


def _refuse(place: str, reason: str) -> SourceError:
    return SourceError(f"Expected a table (CSV, TSV or Parquet). Received: {place}, {reason}")


def _make_local(folder: Store, name: str, temporary: Path) -> Path:
    """Return a local file with the content of the table, text in UTF-8."""
    if not folder.sizes([name]).get(name):
        raise _refuse(folder.where(name), "which is empty or not a file")
    path = folder.local_path(name) if folder.is_local else temporary.with_suffix(".download")
    if not folder.is_local:
        path.write_bytes(folder.read(name))
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for magic, kind in _COMPRESSED.items():
        if head.startswith(magic):
            raise _refuse(folder.where(name), f"which is {kind}; export it as CSV")
    # polars knows no line ends of a carriage return alone, as Excel for Mac writes them
    has_lines = b"\n" in head or b"\r" not in head or head.startswith(_PARQUET)
    if (encoding := find_encoding(head)) == _UTF_8 and has_lines:
        return path
    with (
        path.open(encoding=encoding, errors="replace") as source,
        temporary.open("w", encoding="utf-8") as target,
    ):
        shutil.copyfileobj(source, target, _CHUNK_CHARS)
    return temporary


def _scan(path: Path) -> pl.LazyFrame:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_PARQUET):
        table = pl.scan_parquet(path, glob=False)
        return table.select(pl.all().cast(pl.String))
    header = head.partition(b"\n")[0].decode("utf-8", errors="replace")
    separator = max(_SEPARATORS, key=header.count)
    table = pl.scan_csv(
        path,
        separator=separator,
        infer_schema=False,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        glob=False,
    )
    return table.rename(lambda name: name.strip(" \r\ufeff\"'"))


def find_encoding(head: bytes) -> str:
    """Return the encoding of a text from its first four bytes: UTF-32, UTF-16 or UTF-8."""
    for mark, encoding in _ENCODINGS.items():
        if head.startswith(mark):
            return encoding
    # UTF-16 without a byte-order mark: one byte of each ASCII character is 0
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else _UTF_8
