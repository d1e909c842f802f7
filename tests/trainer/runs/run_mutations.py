"""Mutations of run folders: bytes, JSON values and tables, with digests as they were or anew."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trainer.runs.run_folder import MODEL_FILE, PREDICTIONS_FILE, SUMS_FILE

JSON_FILES = ("config.json", "decision.json", "metrics.json")
READ_FILES = (*JSON_FILES, PREDICTIONS_FILE, MODEL_FILE, SUMS_FILE)
"""The files that answering reads."""
VALUES = (
    None,
    "x",
    True,
    -1,
    -1.5,
    10**30,
    [[["x"]]],
    {},
    float("nan"),
    float("inf"),
    "1e999",
    "[" * 10_000 + "]" * 10_000,
)
"""Values to set in place of others; the last two are written as they are, not as strings."""

Mutation = tuple[str, bytes]
"""The name of a file and its content."""


def mutate_bytes(name: str, whole: bytes, rng: np.random.Generator) -> Mutation:
    """Return the file after one random change of its bytes."""
    data, kind = bytearray(whole), int(rng.integers(6))
    place = int(rng.integers(len(data)))
    if kind in (0, 1):
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        del data[place:]
    elif kind == 3:
        end = place + int(rng.integers(1, 64))
        data[place:end] = bytes(len(data[place:end]))
    elif kind == 4:
        other = int(rng.integers(len(data)))
        data[place], data[other] = data[other], data[place]
    else:
        data += rng.bytes(int(rng.integers(1, 40)))
    return name, bytes(data)


def mutate_json(name: str, whole: bytes) -> Iterator[Mutation]:
    """Yield the file with each of `VALUES` in each place, without each key, and with another."""
    for path in list(_paths(json.loads(whole))):
        for value in VALUES:
            facts = json.loads(whole)
            _parent(facts, path)[path[-1]] = value
            encoded = json.dumps(facts)
            if value in VALUES[-2:]:
                encoded = encoded.replace(f'"{value}"', str(value))
            yield name, encoded.encode()
        facts = json.loads(whole)
        del _parent(facts, path)[path[-1]]
        yield name, json.dumps(facts).encode()
    yield name, json.dumps({**json.loads(whole), "another": 1}).encode()


def mutate_table(whole: bytes) -> Iterator[Mutation]:
    """Yield the predictions with changes of columns, types, rows and values."""
    table = pl.read_parquet(io.BytesIO(whole))
    kinds = (pl.Float32, pl.Float64, pl.Int32, pl.Int64, pl.String, pl.Binary, pl.Null)
    changed: list[Callable[[], pl.DataFrame]] = [
        table.clear,
        lambda: pl.concat([table, table]),
        lambda: pl.concat([table, table.head(1)]),
        lambda: table.head(-1),
        lambda: table.tail(-1),
        lambda: table.with_columns(label=1 - pl.col("label")),
        lambda: table.with_columns(probability=1 - pl.col("probability")),
    ]
    for column, dtype in table.schema.items():
        changed.append(lambda c=column: table.drop(c))
        changed += [
            lambda c=column, kind=kind: table.with_columns(pl.col(c).cast(kind, strict=False))
            for kind in kinds
            if kind != dtype
        ]
        values = [None, "x"] if dtype == pl.String else [None, -1, 2, 7.5, np.nan, np.inf]
        changed += [
            lambda c=column, v=value, d=dtype, row=row: _set(table, c, row, v, d)
            for value in values
            for row in (0, table.height - 1)
        ]
    for change in changed:
        try:
            encoded = io.BytesIO()
            change().write_parquet(encoded)
        except (pl.exceptions.PolarsError, ValueError, TypeError):
            continue  # no such table can be made
        if encoded.getvalue() != whole:
            yield PREDICTIONS_FILE, encoded.getvalue()


def read_all(folder: Path) -> dict[str, bytes]:
    """Return the files of a run that answering reads."""
    return {name: (folder / name).read_bytes() for name in READ_FILES}


def _set(table: pl.DataFrame, column: str, row: int, value: Any, dtype: Any) -> pl.DataFrame:
    new = pl.lit(value).cast(dtype)
    is_row = pl.int_range(pl.len()) == row
    return table.with_columns(pl.when(is_row).then(new).otherwise(pl.col(column)).alias(column))


def _paths(facts: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in facts if isinstance(facts, dict) else range(len(facts)):
        yield (*path, key)
        if isinstance(facts[key], dict | list):
            yield from _paths(facts[key], (*path, key))


def _parent(facts: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        facts = facts[key]
    return facts
