"""Cleanup: a lake's own old files go; nothing else does."""

import os
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ingest.cleanup import clean_up, no_leftovers, refuse_foreign
from ingest.commit import Tables, commit
from shared.errors import LakeError, StoreError
from shared.images.spec import ImageSpec
from shared.lake.layout import LAKE_FILE, LOCK_FILE, shard_path
from shared.lake.manifest import FINDINGS_SCHEMA, REJECTS_SCHEMA, SCHEMA
from shared.lake.open import Lake, open_lake
from shared.storage.local import Folder
from shared.storage.object_store.bucket import Bucket
from tests.ingest.processes import contents, file_contents

IMAGE = ImageSpec(64)
DIGEST, OTHER_DIGEST = "a" * 32, "b" * 32
PARTIAL = f".{DIGEST}.tfrecord.5.partial"
HAND, WRIST = (f"split=train/body_part={part}/label=1" for part in ("hand", "wrist"))


def _write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"bytes")


def _commit(root: Path, body_part: str, shard_digest: str = DIGEST) -> Lake:
    """Commit a lake of one view; nobody reads its shard."""
    folder = f"split=train/body_part={body_part}/label=1"
    _write(root, shard := shard_path(folder, shard_digest))
    row = {name: "x" if dtype == pl.String else 1 for name, dtype in SCHEMA.items()}
    row |= {
        "split": "train",
        "body_part": body_part,
        "shard": shard,
        "image_bytes": IMAGE.num_bytes,
    }
    tables = Tables(
        pl.DataFrame([row], schema=SCHEMA),
        pl.DataFrame(schema=REJECTS_SCHEMA),
        pl.DataFrame(schema=FINDINGS_SCHEMA),
    )
    return commit(Folder(root), IMAGE, None, tables)


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "patient1.png",
        "shards/notes.txt",
        f"shards/{DIGEST}.png",
        f"shards/{HAND}/x.tfrecord",
        f"{PARTIAL}.txt",
        "lake.json.old",
    ],
)
def test_a_folder_with_foreign_files_is_refused(tmp_path: Path, path: str) -> None:
    _commit(tmp_path, "hand")
    _write(tmp_path, path)
    before = contents(tmp_path)
    with pytest.raises(LakeError, match=f"Received: lake={tmp_path}, which contains {path}"):
        refuse_foreign(Folder(tmp_path))
    assert contents(tmp_path) == before


def test_a_link_to_a_folder_is_foreign(tmp_path: Path) -> None:
    (root := tmp_path / "lake").mkdir()
    (root / "shards").symlink_to(tmp_path)
    with pytest.raises(LakeError, match="which contains shards"):
        refuse_foreign(Folder(root))


def test_a_file_is_no_folder_for_a_lake(tmp_path: Path) -> None:
    (file := tmp_path / "lake").touch()
    with pytest.raises(StoreError, match=f"Received: the file {file}"):
        refuse_foreign(Folder(file))


def test_lakes_and_empty_folders_are_not_refused(tmp_path: Path) -> None:
    refuse_foreign(Folder(tmp_path / "missing"))
    refuse_foreign(Folder(tmp_path))
    _commit(tmp_path, "hand")
    _write(tmp_path, LOCK_FILE, f"shards/{HAND}/{PARTIAL}", ".DS_Store", "shards/.DS_Store")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    refuse_foreign(Folder(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_partial_files_of_broken_runs_are_removed(tmp_path: Path) -> None:
    _commit(tmp_path, "hand")
    before = file_contents(tmp_path)
    _write(tmp_path, f"shards/{HAND}/{PARTIAL}", ".lake.json.7.partial")
    _write(tmp_path, foreign := "notes.partial")
    with no_leftovers(Folder(tmp_path)):
        assert file_contents(tmp_path).keys() - {foreign} == before.keys()
    assert file_contents(tmp_path).keys() - {foreign} == before.keys()


def test_a_run_that_breaks_leaves_finished_shards_alone(tmp_path: Path) -> None:
    _commit(tmp_path, "hand")
    before, shard = file_contents(tmp_path), shard_path(WRIST, DIGEST)
    with suppress(ZeroDivisionError), no_leftovers(Folder(tmp_path)):
        _write(tmp_path, shard, f"shards/{WRIST}/{PARTIAL}", f"rejects/{DIGEST}.parquet")
        raise ZeroDivisionError
    assert file_contents(tmp_path) == {**before, shard: b"bytes"}


def test_a_run_that_breaks_after_its_commit_leaves_the_new_lake_whole(tmp_path: Path) -> None:
    old, partial = _commit(tmp_path, "hand"), f"shards/{WRIST}/{PARTIAL}"
    with suppress(ZeroDivisionError), no_leftovers(Folder(tmp_path)):
        _commit(tmp_path, "wrist")
        _write(tmp_path, partial)
        raise ZeroDivisionError
    lake = open_lake(tmp_path)
    assert lake.digest != old.digest
    assert lake.files < file_contents(tmp_path).keys()
    assert not (tmp_path / partial).exists()


def test_files_of_a_replaced_lake_and_their_folders_are_removed(tmp_path: Path) -> None:
    replaced = _commit(tmp_path, "hand").files
    lake = _commit(tmp_path, "wrist")
    _write(tmp_path, LOCK_FILE, f"manifest/{HAND}/{OTHER_DIGEST}.parquet", "shards/notes.txt")
    clean_up(lake, replaced)
    assert file_contents(tmp_path).keys() == lake.files | {LOCK_FILE, "shards/notes.txt"}
    assert not list(tmp_path.rglob("body_part=hand"))
    assert open_lake(tmp_path).digest == lake.digest


def test_the_same_lake_again_loses_nothing(tmp_path: Path) -> None:
    lake = _commit(tmp_path, "hand")
    before = contents(tmp_path)
    clean_up(_commit(tmp_path, "hand"), lake.files)
    assert contents(tmp_path) == before


def test_a_bucket_keeps_the_partial_files_of_other_live_processes() -> None:
    bucket = Bucket("s3", "bucket", "kept")
    host, no_process = socket.gethostname(), 2**22 + 1
    own, live, dead = (f"{host}-{pid}" for pid in (os.getpid(), os.getppid(), no_process))
    elsewhere = f"x{host}-{no_process}"
    _write(bucket.scratch, *(f"{each}/{DIGEST}" for each in (own, live, dead, elsewhere)))
    with no_leftovers(bucket):
        assert {path.name for path in bucket.scratch.iterdir()} == {live, elsewhere}
        with bucket.partial(f"shards/{DIGEST}.tfrecord") as file:
            file.write(b"bytes")
    assert {path.name for path in bucket.scratch.iterdir()} == {live, elsewhere}


def _in_bucket(made: Lake, s3_folder: Path) -> tuple[Lake, Path]:
    """Put a lake into an object store; return it there, and the folder in which that keeps it."""
    root = shutil.copytree(made.root, s3_folder / "lake", dirs_exist_ok=True)
    return replace(made, store=Bucket("s3", s3_folder.name, "lake")), root


def test_a_bucket_keeps_fresh_objects_of_others(tmp_path: Path, s3_folder: Path) -> None:
    lake, root = _in_bucket(_commit(tmp_path / "made", "hand"), s3_folder)
    _write(root, shard_path(WRIST, DIGEST), f"rejects/{DIGEST}.parquet", "notes.txt")
    long_ago_s = time.time() - 8 * 24 * 3600
    for path in (LAKE_FILE, "notes.txt"):
        os.utime(root / path, (long_ago_s, long_ago_s))
    before = contents(root)
    clean_up(lake, lake.files)
    assert contents(root) == before


def test_a_bucket_is_left_to_a_later_commit(tmp_path: Path, s3_folder: Path) -> None:
    lake, _ = _in_bucket(_commit(tmp_path / "made", "hand"), s3_folder)
    later, root = _in_bucket(_commit(tmp_path / "later", "wrist"), s3_folder)
    before = contents(root)
    # as if the later lake were the one before, committed again
    clean_up(lake, later.files)
    assert contents(root) == before


def test_a_bucket_whose_lake_lost_a_file_is_refused(tmp_path: Path, s3_folder: Path) -> None:
    lake, root = _in_bucket(_commit(tmp_path / "made", "hand"), s3_folder)
    (root / shard_path(HAND, DIGEST)).unlink()
    before = contents(root)
    with pytest.raises(LakeError, match=f"from which another ingest has removed shards/{HAND}"):
        clean_up(lake, frozenset())
    assert contents(root) == before
