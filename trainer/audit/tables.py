"""CSV tables of an audit."""

import re

import polars as pl

from shared.printable import FORMULA_CHARACTERS

_FORMULA = f"^([{re.escape(FORMULA_CHARACTERS)}])"


def encode_csv(table: pl.DataFrame) -> bytes:
    """Return a CSV file, with `./` before names that a spreadsheet would run as formulas."""
    safe = table.with_columns(pl.col(pl.String).str.replace(_FORMULA, "./$1"))
    return safe.write_csv(float_precision=4).encode()
