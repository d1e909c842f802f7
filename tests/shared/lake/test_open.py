"""A lake opens whole or not at all."""

import functools
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ingest.options import VerifyOptions
from ingest.verify.lake import verify_lake
from shared.errors import CorruptLakeError, LakeError
from shared.lake.lake_json import seal
from shared.lake.layout import LAKE_FILE
from shared.lake.manifest import SCHEMA
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.storage.atomic import digest


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


def _reseal(root: Path, **changes: object) -> None:
    """Commit facts that no ingest would, with a digest that is right."""
    facts = json.loads((root / LAKE_FILE).read_bytes())
    del facts["digest"]
    (root / LAKE_FILE).write_bytes(seal({**facts, **changes}))


@pytest.mark.parametrize("name", [LAKE_FILE, "rejects", "shards"])
@pytest.mark.parametrize("target", [None, "/dev/zero"])
def test_pipes_and_devices_are_not_read(own_lake: Path, name: str, target: str | None) -> None:
    path = own_lake / name
    if path.is_dir():
        path = next(each for each in path.rglob("*") if each.is_file())
    path.unlink()
    if target:
        path.symlink_to(target)
    else:
        os.mkfifo(path)
    with pytest.raises(LakeError, match=r"Expected a lake|missing|1 damaged"):
        verify_lake(VerifyOptions(str(own_lake)))


def _deep(levels: int) -> object:
    return functools.reduce(lambda below, _: [below], range(levels), "bottom")


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"format_version":' * 50_000, b"", b"null", b"\xff\xfe", b'{"a": NaN}'],
    ids=["brackets", "objects", "empty", "null", "not UTF-8", "NaN"],
)
def test_a_lake_file_that_is_no_object_is_one_line(own_lake: Path, content: bytes) -> None:
    (own_lake / LAKE_FILE).write_bytes(content)
    with pytest.raises(CorruptLakeError, match=LAKE_FILE) as refused:
        open_lake(own_lake)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize(
    "changes",
    [
        {"manifest": [{"path": "../lake/rejects/x.parquet", "digest": "x", "rows": 1}]},
        {"manifest": [{"path": "/etc/passwd", "digest": "passwd", "rows": 1}]},
        {"manifest": [{"path": 7, "digest": "7"}]},
        {"manifest": [{"path": "manifest/split=train"}]},
        {"manifest": 7},
        {"manifest": {"path": "x"}},
        {"manifest": None},
        {"rejects": {"path": ".lock", "digest": ".lock"}},
        {"rejects": []},
        {"findings": "x"},
        {"counts": {"written": 10**400}},
        {"counts": []},
        {"image": None},
        {"image": {"size": 64.0}},
        {"image": {"size": 10**30}},
        {"layout": [1]},
        {"layout": _deep(60)},
        {"format_version": "2\n\x1b[2J"},
        {"format_version": _deep(20)},
    ],
    ids=str,
)
def test_what_no_ingest_commits_is_one_line(own_lake: Path, changes: dict[str, object]) -> None:
    _reseal(own_lake, **changes)
    with pytest.raises(LakeError) as refused:
        open_lake(own_lake)
    said = str(refused.value)
    assert said.isprintable()
    assert len(said) < 1_000


def _with_table(root: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Replace the first table of the manifest, and commit it with the right digests."""
    facts = json.loads((root / LAKE_FILE).read_bytes())
    first, *others = facts["manifest"]
    encoded = io.BytesIO()
    change(pl.read_parquet(root / first["path"], hive_partitioning=False)).write_parquet(encoded)
    path = Path(first["path"]).with_name(f"{digest(encoded.getvalue())}.parquet")
    (root / path).write_bytes(encoded.getvalue())
    table = {"path": path.as_posix(), "digest": path.stem, "rows": first["rows"]}
    _reseal(root, manifest=[table, *others])


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop("image_offset"),
        lambda table: table.with_columns(pl.col("patient_id").cast(pl.String)),
        lambda table: table.with_columns(mean=pl.lit(None, pl.Float64)),
        lambda table: table.with_columns(record_offset=pl.lit(None, pl.Int64)),
        lambda table: table.with_columns(shard=pl.lit("../../../etc/passwd")),
        lambda table: table.with_columns(shard=pl.lit("/etc/passwd")),
        lambda table: table.with_columns(shard=pl.col("shard") + "\n"),
        lambda table: table.with_columns(image_bytes=pl.lit(2**62)),
        lambda table: table[:-1],
        lambda table: table.clear(),
    ],
)
def test_a_table_that_no_ingest_writes_is_one_line(
    own_lake: Path, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    _with_table(own_lake, change)
    with pytest.raises(CorruptLakeError) as refused:
        open_lake(own_lake)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "change",
    [
        pl.col("record_offset") - 1,
        pl.col("record_offset") - 2**62,
        pl.col("image_offset") + 2**62,
        pl.col("image_offset") - 2**62,
        pl.col("image_offset") - 20,
        pl.col("record_index") + 1,
        pl.col("record_index").reverse(),
        pl.col("record_index") * 0,
    ],
    ids=str,
)
def test_rows_that_do_not_follow_each_other_are_refused_before_reading(
    own_lake: Path, change: pl.Expr
) -> None:
    _with_table(own_lake, lambda table: table.with_columns(change))
    lake = open_lake(own_lake)
    with pytest.raises(CorruptLakeError, match="rows in the manifest are not contiguous"):
        ViewReader(lake, lake.manifest)
