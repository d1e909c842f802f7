"""A lake opens whole or not at all."""

import json
from pathlib import Path

import polars as pl
import pytest

from shared.errors import CorruptLakeError, LakeError
from shared.files import digest
from shared.lake import Lake, open_lake, seal
from shared.layout import LAKE_FILE
from shared.manifest import SCHEMA, encode_table


def test_the_manifest_has_its_columns_and_order(lake: Lake) -> None:
    assert dict(lake.manifest.schema) == SCHEMA
    assert lake.manifest["view_id"].is_sorted()
    assert lake.manifest["view_id"].is_unique().all()


def test_any_parquet_reader_sees_the_partitions(lake: Lake) -> None:
    by_polars = pl.read_parquet(lake.root / "manifest").select(SCHEMA.keys()).sort("view_id")
    assert by_polars.equals(lake.manifest)


def test_no_lake_is_said_with_what_makes_one(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(LakeError, match=rf"just ingest ROOT.*Received: lake={root}"):
            open_lake(root)


def test_a_newer_format_is_refused(own_lake: Path) -> None:
    path = own_lake / LAKE_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(LakeError, match=r"Expected a lake of format 2.*format_version=99"):
        open_lake(own_lake)


def test_every_flipped_byte_of_the_commit_is_found(own_lake: Path) -> None:
    path = own_lake / LAKE_FILE
    committed = path.read_bytes()
    for index in range(0, len(committed), 7):
        damaged = bytearray(committed)
        damaged[index] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(LakeError, match=LAKE_FILE):
            open_lake(own_lake)


@pytest.mark.parametrize("table", ["manifest", "rejects", "findings"])
def test_a_damaged_or_missing_table_is_named(own_lake: Path, table: str) -> None:
    path = next((own_lake / table).rglob("*.parquet"))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CorruptLakeError, match=path.name):
        open_lake(own_lake)
    path.unlink()
    with pytest.raises(CorruptLakeError, match=f"{path.name} is missing"):
        open_lake(own_lake)


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "shards/../../outside", ""])
def test_a_file_outside_the_lake_is_never_opened(own_lake: Path, path: str) -> None:
    (own_lake.parent / "outside").write_bytes((own_lake / "lake.json").read_bytes())
    file = own_lake / LAKE_FILE
    facts = json.loads(file.read_text())
    del facts["digest"]
    table = facts["manifest"][0]
    rejects = {**facts["rejects"], "path": path}
    file.write_bytes(seal({**facts, "rejects": rejects}))
    with pytest.raises(CorruptLakeError, match="expected paths of a lake"):
        open_lake(own_lake)

    rows = pl.read_parquet(own_lake / table["path"], hive_partitioning=False)
    encoded = encode_table(rows.with_columns(shard=pl.lit(path)))
    (own_lake / table["path"]).write_bytes(encoded)
    table["digest"] = digest(encoded)
    file.write_bytes(seal(facts))
    with pytest.raises(CorruptLakeError, match="expected paths of a lake"):
        open_lake(own_lake)
