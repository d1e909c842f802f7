"""Verify proves a lake whole, or names what is damaged."""

from pathlib import Path

import pytest

from shared.lake.open import Lake, open_lake
from tests.commands import run


def test_a_whole_lake_is_whole(lake: Lake) -> None:
    result = run("mura-verify", f"lake={lake.root}")
    assert result.returncode == 0
    assert f"is whole: {lake.manifest.height:,} views" in result.stdout
    assert lake.digest in result.stdout


@pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
def test_a_flipped_byte_is_named_with_shard_and_view(own_lake: Path, place: float) -> None:
    shard = max(own_lake.rglob("*.tfrecord"), key=lambda path: path.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[int(place * len(data))] ^= 4
    shard.write_bytes(data)
    result = run("mura-verify", f"lake={own_lake}")
    assert result.returncode == 1
    assert f"{shard}, view " in result.stderr
    assert "Traceback" not in result.stderr


def test_cut_missing_and_swapped_shards_are_named(own_lake: Path) -> None:
    cut, missing, one, other = sorted(own_lake.rglob("*.tfrecord"))[:4]
    cut.write_bytes(cut.read_bytes()[:-5])
    missing.unlink()
    swapped = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(swapped)
    result = run("mura-verify", f"lake={own_lake}")
    assert result.returncode == 1
    for shard in (cut, missing, one, other):
        assert str(shard) in result.stderr
    assert "4 damaged" in result.stderr


def test_a_record_too_many_is_found(own_lake: Path) -> None:
    manifest = open_lake(own_lake).manifest
    row = manifest.filter(record_index=0).row(0, named=True)
    shard = own_lake / row["shard"]
    data = shard.read_bytes()
    shard.write_bytes(data + data[: row["image_offset"] + row["image_bytes"] + 4])
    result = run("mura-verify", f"lake={own_lake}")
    assert result.returncode == 1
    assert str(shard) in result.stderr
