"""Damage: whatever byte of a lake flips, verify and the trainer refuse it in the same words."""

from pathlib import Path

import numpy as np
import pytest

from ingest.options import VerifyOptions
from ingest.verify.lake import verify_lake
from shared.errors import CorruptLakeError
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from tests.commands import call, run

NUM_FLIPS = 9


@pytest.fixture(scope="session")
def lake(wrist_lake: Lake) -> Lake:
    """The lake that `own_lake` copies."""
    return wrist_lake


def _read_all(root: Path) -> None:
    lake = open_lake(root)
    with ViewReader(lake, lake.manifest) as reader:
        reader.read(np.arange(len(reader)))


def _refusals(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Return what verify says of the damage, and what reading for training does."""
    with pytest.raises(CorruptLakeError) as by_reading:
        _read_all(root)
    with pytest.raises(CorruptLakeError):
        verify_lake(VerifyOptions(str(root)))
    return capsys.readouterr().err, str(by_reading.value)


def test_any_flipped_byte_of_a_shard_is_named_alike(
    lake: Lake, own_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    places = lake.manifest.sample(NUM_FLIPS, seed=3)
    for number, row in enumerate(places.iter_rows(named=True)):
        begin, end = row["record_offset"], row["image_offset"] + row["image_bytes"] + 4
        # a third each in the record's head, in its pixels and in its footer
        bounds = [(begin, row["image_offset"]), (row["image_offset"], end - 4), (end - 4, end)]
        shard = own_lake / row["shard"]
        whole = shard.read_bytes()
        damaged = bytearray(whole)
        damaged[int(rng.integers(*bounds[number % 3]))] ^= 1 << int(rng.integers(8))
        shard.write_bytes(damaged)
        by_verify, by_reading = _refusals(own_lake, capsys)
        assert by_reading.startswith(f"{shard}, view {row['view_id']}: ")
        assert f"damaged: {by_reading}\n" in by_verify
        shard.write_bytes(whole)
    verify_lake(VerifyOptions(str(own_lake)))


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_a_shard_cut_short_is_named_alike(
    lake: Lake, own_lake: Path, capsys: pytest.CaptureFixture[str], kept: float
) -> None:
    shard = own_lake / lake.manifest["shard"][0]
    data = shard.read_bytes()
    shard.write_bytes(data[: int(kept * len(data))])
    by_verify, by_reading = _refusals(own_lake, capsys)
    assert by_reading.startswith(f"{shard}, view train/")
    assert f"damaged: {by_reading}\n" in by_verify


@pytest.mark.slow
def test_the_commands_refuse_in_the_same_words(lake: Lake, own_lake: Path) -> None:
    row = lake.manifest.filter(split="train", body_part="wrist").row(0, named=True)
    shard = own_lake / row["shard"]
    damaged = bytearray(shard.read_bytes())
    damaged[row["image_offset"]] ^= 1
    shard.write_bytes(damaged)
    verified = call("mura-verify", f"lake={own_lake}")
    words = f"{shard}, view {row['view_id']}: the record differs from the manifest"
    assert verified.returncode == 1
    assert words in verified.stderr
    out = own_lake.parent / "runs" / "run"
    trained = run("mura-train", f"lake={own_lake}", "part=wrist", "model=cnn2", f"out={out}")
    assert trained.returncode == 1
    assert trained.stderr.splitlines()[-1].startswith(f"train: {words}")
    assert "Traceback" not in trained.stderr
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize(
    ("script", "folder"),
    [("mura-train", "manifest"), ("mura-verify", "manifest"), ("mura-verify", "findings")],
)
def test_a_flipped_byte_of_a_table_is_refused(own_lake: Path, script: str, folder: str) -> None:
    table = next((own_lake / folder).rglob("*.parquet"))
    damaged = bytearray(table.read_bytes())
    damaged[len(damaged) // 3] ^= 16
    table.write_bytes(damaged)
    result = call(script, f"lake={own_lake}")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith(f" for {table}")
