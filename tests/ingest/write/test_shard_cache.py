"""What ingest remembers of earlier runs is used as it was kept, or made anew."""

import os
import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import platformdirs
import polars as pl
import pytest

from ingest.plan import ShardPlan
from ingest.scan.scan_tree import SCHEMA as SCAN_SCHEMA
from ingest.write.shard_cache import WRITTEN_SCHEMA, DecodedShardCache, ShardOutcome
from ingest.write.tasks import UNREADABLE, Job, WrittenShard
from shared.images.spec import ImageSpec
from shared.lake.manifest import REJECTS_SCHEMA
from shared.lake.open import open_lake
from shared.lake.shard_rows import RECORD_END
from shared.storage.atomic import digest
from shared.storage.local import Folder
from tests.ingest.processes import contents, ingest


def _kept(lake: Path) -> list[Path]:
    folder = platformdirs.user_cache_path("mura-lake") / digest(os.fsencode(str(lake.resolve())))
    return sorted(folder.iterdir())


def _flip(data: bytes, rng: random.Random) -> bytes:
    flipped = bytearray(data)
    flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _zero(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) - 64)
    return data[:start] + bytes(64) + data[start + 64 :]


def _append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.randrange(1, 100))


def test_damaged_outcomes_are_made_anew(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    whole, outcomes, rng = contents(root), _kept(root), random.Random(11)
    for path, damage in zip(outcomes, (_flip, _cut, _zero, _append), strict=True):
        path.write_bytes(damage(path.read_bytes(), rng))
    again = ingest(own_tree, root)
    assert again.returncode == 0, again.stderr
    for path in outcomes:
        assert f"{path} is damaged or in the wrong place, and is computed again" in again.stderr
    assert contents(root) == whole


def test_what_is_not_in_its_place_is_made_anew(own_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    assert ingest(own_tree, root).returncode == 0
    whole, (one, other, folder, pipe) = contents(root), _kept(root)
    kept = one.read_bytes(), other.read_bytes()
    other.write_bytes(kept[0])
    one.write_bytes(kept[1])
    folder.unlink()
    folder.mkdir()
    pipe.unlink()
    os.mkfifo(pipe)
    again = ingest(own_tree, root)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("damaged or in the wrong place") == 2
    assert again.stderr.count("cannot be read and is computed again") == 2
    assert contents(root) == whole


def test_a_file_replaced_with_the_same_size_and_time_is_decoded_again(
    own_tree: Path, tmp_path: Path
) -> None:
    view = sorted(own_tree.rglob("*.png"))[0]
    root, pixels = tmp_path / "lake", np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    uncompressed = (cv2.IMWRITE_PNG_COMPRESSION, 0)
    cv2.imwrite(str(view), pixels, uncompressed)
    before = view.stat()
    assert ingest(own_tree, root).returncode == 0
    cv2.imwrite(str(view), pixels[::-1], uncompressed)
    os.utime(view, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = view.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert ingest(own_tree, root).returncode == 0
    decoded = open_lake(root).manifest.filter(view_id=view.relative_to(own_tree).as_posix())
    assert decoded["pixel_digest"].to_list() == [digest(pixels[::-1].tobytes())]


SHARD_BYTES = 2 * 4200


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(Folder(tmp_path / "tree"), Folder(tmp_path / "lake"), ImageSpec(64))


def _plan(label: int = 1, modified_ns: int = 7) -> ShardPlan:
    """Return the plan of a shard of three views."""
    names = ["c.png", "a.png", "b.png"]
    fixed = {"split": "train", "body_part": "hand", "label": label, "modified_ns": modified_ns}
    rows = [
        {
            **{name: 0 if dtype == pl.Int64 else "x" for name, dtype in SCAN_SCHEMA.items()},
            **fixed,
            "view_id": view_id,
        }
        for view_id in names
    ]
    return ShardPlan(
        f"split=train/body_part=hand/label={label}", pl.DataFrame(rows, schema=SCAN_SCHEMA)
    )


def _outcome(plan: ShardPlan, reason: str = "corrupt") -> ShardOutcome:
    """Return what became of a plan: two views in a shard of `SHARD_BYTES`, and a reject."""
    # the last four bytes of a record are a checksum
    facts = [
        {"view_id": view_id, "image_offset": end - 4100, "image_bytes": 4096, "width_px": 64}
        for view_id, end in (("c.png", SHARD_BYTES), ("a.png", SHARD_BYTES // 2))
    ]
    notes = [("display", "a.png", "the window is not applied")]
    shard = WrittenShard(None, "0" * 32, facts, [("b.png", reason, "three bytes")], notes)
    outcome = ShardOutcome.of(plan, _shard(plan), shard)
    assert outcome.written.select(RECORD_END.max()).item() == SHARD_BYTES
    return outcome


def _shard(plan: ShardPlan) -> str:
    return f"shards/{plan.folder}/{'0' * 32}.tfrecord"


def test_an_outcome_joins_decoding_and_scan(job: Job) -> None:
    plan = _plan()
    outcome = _outcome(plan)
    assert dict(outcome.written.schema) == WRITTEN_SCHEMA
    assert outcome.written["view_id"].to_list() == ["a.png", "c.png"]
    assert outcome.written["body_part"].to_list() == ["hand", "hand"]
    assert outcome.written["image_offset"].to_list() == [100, 4300]
    assert outcome.written["shard"].unique().to_list() == [_shard(plan)]
    assert dict(outcome.rejects.schema) == REJECTS_SCHEMA
    assert outcome.rejects.rows() == [("b.png", "corrupt", "three bytes")]


def test_a_file_that_names_its_patient_and_study_decides(job: Job) -> None:
    row = {"view_id": "a.png", "patient_id": 17, "study_id": "dicom-1"}
    shard = WrittenShard(None, "", [row, {"view_id": "b.png"}], [], [])
    written = ShardOutcome.of(_plan(), "shard", shard).written
    assert written["patient_id"].to_list() == [17, 0]
    assert written["study_id"].to_list() == ["train/abnormal/dicom-1", "x"]


def test_what_is_saved_is_found_by_the_next_run(job: Job) -> None:
    DecodedShardCache(job).save(_plan(), outcome := _outcome(_plan()))
    found = DecodedShardCache(job).find(_plan())
    assert found
    assert found.written.equals(outcome.written)
    assert found.rejects.equals(outcome.rejects)
    assert found.notes.equals(outcome.notes)
    assert found.notes.height == 1


def test_another_plan_lake_source_or_image_finds_nothing(job: Job, tmp_path: Path) -> None:
    cache = DecodedShardCache(job)
    assert cache.find(_plan()) is None
    cache.save(_plan(), _outcome(_plan()))
    assert cache.find(_plan(modified_ns=8)) is None
    assert cache.find(_plan(label=0)) is None
    elsewhere = Folder(tmp_path / "elsewhere")
    for other in (
        replace(job, source=elsewhere),
        replace(job, lake=elsewhere),
        replace(job, image=ImageSpec(64, fit="stretch")),
        replace(job, names_patients=False),
    ):
        assert DecodedShardCache(other).find(_plan()) is None
    assert cache.find(_plan())


def test_a_file_that_could_not_be_read_is_tried_again(job: Job) -> None:
    cache = DecodedShardCache(job)
    cache.save(_plan(), _outcome(_plan(), reason=UNREADABLE))
    assert cache.find(_plan()) is None


def test_only_the_outcomes_of_the_present_plans_are_kept(job: Job, tmp_path: Path) -> None:
    cache, (kept, old) = DecodedShardCache(job), (_plan(0), _plan(1))
    other_lake = DecodedShardCache(replace(job, lake=Folder(tmp_path / "other")))
    for each in (cache, other_lake):
        for plan in (kept, old):
            each.save(plan, _outcome(plan))
    cache.keep_only(cache.paths([kept, _plan(0, modified_ns=8)]))
    assert len(_kept(tmp_path / "lake")) == 1
    assert cache.find(kept)
    assert cache.find(old) is None
    assert other_lake.find(old)


def test_outcomes_are_used_whose_shard_is_there_and_whole(job: Job, tmp_path: Path) -> None:
    whole, short, missing, empty = (_plan(label, ns) for label in (0, 1) for ns in (1, 2))
    outcomes = {
        plan: replace(outcome, written=outcome.written.with_columns(shard=pl.lit(name)))
        for name, plan in (("whole", whole), ("short", short), ("missing", missing))
        for outcome in (_outcome(plan),)
    }
    outcomes[empty] = ShardOutcome.of(
        empty, "", WrittenShard(None, "", [], [("b.png", "corrupt", "")], [])
    )
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/whole").write_bytes(bytes(SHARD_BYTES))
    (tmp_path / "lake/short").write_bytes(bytes(SHARD_BYTES - 1))
    found = DecodedShardCache(job).with_shards(outcomes)
    assert [*found] == [whole, empty]
    assert all(found[plan] is outcomes[plan] for plan in found)


def test_without_a_cache_folder_nothing_is_kept_and_nothing_fails(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    cache = DecodedShardCache(job)
    assert "cannot be written, so the next run decodes every file again" in capsys.readouterr().err
    cache.save(_plan(), _outcome(_plan()))
    assert cache.find(_plan()) is None
    cache.keep_only([])
    assert file.is_file()
