"""Tables of images: CSV, TSV or Parquet files, read lazily as columns of text."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ingest.sources.index_file import UTF_8, find_encoding
from shared.errors import SourceError
from shared.storage.store import Store

_SEPARATORS = ",;\t|"
_CHUNK_CHARS = 1 << 20
_COMPRESSED = {b"PK\x03\x04": "an Excel workbook or zip file", b"\x1f\x8b": "a gzip file"}


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
        head = file.read(4)
    for magic, kind in _COMPRESSED.items():
        if head.startswith(magic):
            raise _refuse(folder.where(name), f"which is {kind}; export it as CSV")
    if (encoding := find_encoding(head)) == UTF_8:
        return path
    with (
        path.open(encoding=encoding, errors="replace") as source,
        temporary.open("w", encoding="utf-8") as target,
    ):
        shutil.copyfileobj(source, target, _CHUNK_CHARS)
    return temporary


def _scan(path: Path) -> pl.LazyFrame:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head.startswith(b"PAR1"):
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
