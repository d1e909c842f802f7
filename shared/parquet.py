"""Parquet: tables read from untrusted bytes."""

import io
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

_MAX_BYTES = 4 * 1024**3
"""Of the columns after decompression, as the file declares them; and of the file."""
_MAX_ROWS = 2**26
"""A run-length encoded column of billions of rows takes a few bytes."""


def read_table(
    encoded: bytes, schema: Mapping[str, type[pl.DataType] | pl.DataType]
) -> pl.DataFrame:
    """Read a table that has at least the columns of a schema, in these types.

    pyarrow parses it: on some damaged files polars panics, which prints Rust's own message and
    raises what is no Exception.

    Args:
        encoded: a Parquet file.
        schema: columns that the table must have; more are kept.

    Raises:
        ValueError: the bytes are no such table.
    """
    try:
        table = _parse(encoded)
    except MemoryError as error:
        if not isinstance(error, pa.ArrowException):
            raise
        raise ValueError(f"no Parquet table: {error}") from None
    except (Exception, pl.exceptions.PanicException) as error:  # parsers of damaged files raise any
        raise ValueError(f"no Parquet table: {error}") from None
    for name, dtype in schema.items():
        if (found := table.schema.get(name)) != dtype:
            raise ValueError(f"Expected the column {name} of {dtype!r}. Received: {found!r}")
    return table


def _parse(encoded: bytes) -> pl.DataFrame:
    file: Any = pq.ParquetFile(io.BytesIO(encoded))
    facts = file.metadata
    groups = [facts.row_group(index) for index in range(facts.num_row_groups)]
    num_bytes = sum(group.total_byte_size for group in groups)
    if max(num_bytes, len(encoded)) > _MAX_BYTES or facts.num_rows > _MAX_ROWS:
        raise ValueError(f"{facts.num_rows} rows in {num_bytes} bytes")
    table = file.read()
    # neither reader checks that strings are UTF-8
    table.validate(full=True)
    untyped: Any = pl
    found = untyped.from_arrow(table)
    if not isinstance(found, pl.DataFrame):
        raise TypeError(f"{type(found).__name__} received")
    return found
