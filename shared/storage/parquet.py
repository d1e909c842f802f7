"""Parquet tables from untrusted bytes."""

import io
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

# limit on the file size and on the declared size of the decompressed columns
_MAX_BYTES = 4 * 1024**3
# a run-length encoded column of billions of rows takes only a few bytes
_MAX_ROWS = 2**26


def read_table(
    encoded: bytes, schema: Mapping[str, type[pl.DataType] | pl.DataType]
) -> pl.DataFrame:
    """Read a table that has at least the columns of a schema, with these types.

    Raises:
        ValueError: the bytes are not such a table.
    """
    try:
        table = _parse(encoded)
    # parsers of damaged files raise any type; only a lack of memory is not the file's fault
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, MemoryError) and not isinstance(error, pa.ArrowException):
            raise
        raise ValueError(f"not a Parquet table: {error}") from None
    for name, dtype in schema.items():
        if (found := table.schema.get(name)) != dtype:
            raise ValueError(f"Expected the column {name} of {dtype!r}. Received: {found!r}")
    return table


def _parse(encoded: bytes) -> pl.DataFrame:
    # pyarrow, because polars panics on some damaged files: it prints a Rust message and raises an
    # error that is not an Exception
    file: Any = pq.ParquetFile(io.BytesIO(encoded))
    metadata = file.metadata
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    num_bytes = sum(group.total_byte_size for group in groups)
    if max(num_bytes, len(encoded)) > _MAX_BYTES or metadata.num_rows > _MAX_ROWS:
        raise ValueError(f"{metadata.num_rows} rows in {num_bytes} bytes")
    table = file.read()
    # neither pyarrow nor polars checks by default that strings are valid UTF-8
    table.validate(full=True)
    untyped: Any = pl
    found = untyped.from_arrow(table)
    if not isinstance(found, pl.DataFrame):
        raise TypeError(f"{type(found).__name__} received")
    return found
