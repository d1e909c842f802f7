"""A lake in an object store is the lake in a folder; faults on the way are retried or one line."""

import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingest.cleanup import clean_up
from ingest.commit import Tables, commit
from shared.errors import CorruptLakeError, LakeError, StoreError
from shared.lake.download_cache import GB, ShardCache
from shared.lake.layout import LAKE_FILE
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.storage.object_store.bucket import Bucket
from shared.storage.store import as_store
from tests.commands import PROJECT, call, run
from tests.conftest import SIZE_PX
from tests.ingest.processes import contents, is_alive, start, wait_until
from tests.object_store import Fault, Proxy
from tests.shared.images.dicom_files import make_dicom, write_dicom
from tests.shared.images.make_png import png

pytestmark = pytest.mark.slow

OTHER_SHARD = f"shards/split=train/body_part=hand/label=1/{'0' * 32}.tfrecord"


WRISTS = "parts=wrist"


@pytest.fixture(scope="session")
def lake(wrist_lake: Lake) -> Lake:
    """A lake of few views, because the server is slow."""
    return wrist_lake


def _ingest(tree: object, lake: object, *words: str) -> tuple[int, str]:
    # pyarrow holds the interpreter lock for Google's store, so the proxy needs another process
    start = run if "gs://" in f"{tree}{lake}" else call
    result = start("mura-ingest", tree, f"lake={lake}", f"size={SIZE_PX}", "workers=2", *words)
    return result.returncode, result.stderr


def _bucket(url: str) -> Bucket:
    bucket = as_store(url)
    assert isinstance(bucket, Bucket)
    return bucket


def _count_partial(bucket: Bucket) -> int:
    return len(list(bucket.scratch.glob("*/.*.partial")))


def test_a_lake_in_a_bucket_is_the_lake_in_a_folder(
    phantom_tree: Path, lake: Lake, s3: Proxy
) -> None:
    url = f"{s3.url}/some/lake"
    s3.faults = [
        Fault("status", "PUT", path="tfrecord", times=2),
        Fault("status", "PUT", path="parquet", status=503),
        Fault("cut", "PUT", path="label=1"),
        Fault("slow", "PUT", path="lake.json", seconds=1),
    ]
    status, said = _ingest(phantom_tree, url, WRISTS)
    assert status == 0, said
    assert all(fault.hits == fault.times for fault in s3.faults)
    stored, bucket = open_lake(url), _bucket(url)
    assert stored.digest == lake.digest
    assert {file.path for file in bucket.list_files()} == lake.files
    assert all(bucket.read(path) == (lake.root / path).read_bytes() for path in lake.files)
    assert not bucket.scratch.exists()

    s3.faults = [
        Fault("status", path="tfrecord", times=2),
        Fault("cut", path="tfrecord"),
        Fault("truncate", path="tfrecord"),
    ]
    rows = np.arange(0, lake.manifest.height, 7)
    with ViewReader(stored, stored.manifest) as remote, ViewReader(lake, lake.manifest) as local:
        assert np.array_equal(remote.read(rows), local.read(rows))
    assert all(fault.hits == fault.times for fault in s3.faults)
    verified = call("mura-verify", f"lake={url}")
    assert verified.returncode == 0, verified.stderr
    assert f"{url} is intact" in verified.stdout

    s3.requests.clear()
    assert _ingest(phantom_tree, url, WRISTS)[0] == 0
    assert s3.count("PUT") == s3.count("DELETE") == s3.count("POST") == 0


def test_only_what_changed_is_uploaded_and_only_what_was_replaced_goes(
    own_tree: Path, s3: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{s3.url}/lake"
    assert _ingest(own_tree, url)[0] == 0
    s3.put(f"lake/{OTHER_SHARD}", b"of another ingest, that is about to commit")
    before, (first, *_, last) = open_lake(url), sorted((own_tree / "train").rglob("*.png"))
    shutil.copy(last, first)
    s3.requests.clear()
    assert _ingest(own_tree, url)[0] == 0
    assert s3.count("PUT", ".tfrecord") == 1
    after, bucket = open_lake(url), _bucket(url)
    assert len(before.files - after.files) > 1
    assert {file.path for file in bucket.list_files()} == after.files | {OTHER_SHARD}

    # who opened the lake before still reads through its cache what is in a new shard now
    replaced = pl.col("shard").is_in(before.files - after.files)
    same = before.manifest.join(after.manifest, on=["view_id", "pixel_digest"], how="semi")
    cached = replace(before, cache=ShardCache(tmp_path / "shards", GB))
    with ViewReader(cached, same.filter(replaced)) as reader:
        assert len(reader)
        assert not reader.is_remote

    now_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + 8 * 24 * 3600 * 10**9)
    clean_up(after, frozenset())
    assert {file.path for file in bucket.list_files()} == after.files


def test_no_shard_stays_that_was_written_before_copies_were_found(
    own_tree: Path, s3: Proxy
) -> None:
    train, valid = (min((own_tree / split).rglob("*.png")) for split in ("train", "valid"))
    shutil.copy(valid, train)
    url = f"{s3.url}/lake"
    assert _ingest(own_tree, url)[0] == 0
    lake = open_lake(url)
    copied = lake.rejects.filter(reason="copy_of_valid")
    assert copied["path"].to_list() == [train.relative_to(own_tree).as_posix()]
    assert s3.count("PUT", ".tfrecord") > lake.manifest["shard"].n_unique()
    assert {file.path for file in _bucket(url).list_files()} == lake.files

    s3.requests.clear()
    assert _ingest(own_tree, url)[0] == 0
    assert s3.count("PUT") == 0


def test_a_tree_in_a_bucket_gives_the_lake_of_the_same_tree_in_a_folder(
    own_tree: Path, s3: Proxy, tmp_path: Path
) -> None:
    (own_tree / "train_image_paths.csv").write_text("MURA-v1.1/train/XR_HUMERUS/none/image1.png\n")
    s3.upload(own_tree, "data/MURA-v1.1")
    assert _ingest(own_tree, tmp_path / "local")[0] == 0
    first, other = (
        path.relative_to(own_tree).as_posix() for path in sorted(own_tree.rglob("*.png"))[:2]
    )
    s3.faults = [
        Fault("status", path=first, times=2),
        Fault("cut", path="image2"),
        Fault("truncate", path="image3"),
    ]
    status, said = _ingest(f"{s3.url}/data", tmp_path / "lake")
    assert status == 0, said
    assert all(fault.hits == fault.times for fault in s3.faults)
    assert f"views in {s3.url}/data/MURA-v1.1" in said
    assert contents(tmp_path / "lake") == contents(tmp_path / "local")

    # what has not changed is not read again
    s3.requests.clear()
    s3.put(f"data/MURA-v1.1/{first}", (own_tree / other).read_bytes())
    assert _ingest(f"{s3.url}/data", tmp_path / "lake")[0] == 0
    views = open_lake(tmp_path / "lake").manifest
    twice = views.filter(pl.col("view_id").is_in([first, other]))
    assert twice["source_digest"].n_unique() == 1
    (shard,) = views.filter(view_id=first)["shard"]
    assert s3.count("GET", ".png") == views.filter(shard=shard).height


TABLE = ("layout=table", "body_part=knee", "size=64")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table beside a folder of PNG and DICOM files, as CSV and Parquet."""
    root, rows = tmp_path / "set", list[tuple[str, int, str, str]]()
    noise = np.random.default_rng(0)
    for number in range(8):
        samples = noise.integers(0, 4096, (64, 64), np.uint16)
        name = f"images/{number % 2}/{number}" + ("", ".png", ".dcm")[number % 3]
        is_png = number % 3 == 1
        content = png((samples >> 4).astype("u1")) if is_png else write_dicom(make_dicom(samples))
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        rows.append((name, number % 2, f"p{number}", ("train", "valid")[number // 4]))
    found = pl.DataFrame(rows, ["path", "label", "patient", "split"], orient="row")
    found.write_csv(root / "labels.csv")
    found.write_parquet(root / "labels.parquet")
    return root


def test_a_table_and_its_images_may_be_in_a_bucket(table: Path, s3: Proxy, tmp_path: Path) -> None:
    s3.upload(table, "data/set")
    url, local = f"{s3.url}/data/set", tmp_path / "local"
    assert _ingest(table / "labels.csv", local, f"images={table / 'images'}", *TABLE)[0] == 0
    assert open_lake(local).manifest.height == 8
    s3.faults = [Fault("cut", path=r"labels\.csv"), Fault("status", path=r"4\b", times=2)]
    sources = [
        (f"{url}/labels.csv", f"{url}/images"),
        (f"{url}/labels.parquet", str(table / "images")),
        (str(table / "labels.csv"), f"{url}/images/"),
    ]
    for number, (root, images) in enumerate(sources):
        place = tmp_path / f"lake{number}"
        status, said = _ingest(root, place, f"images={images}", *TABLE)
        assert status == 0, said
        lake = open_lake(place)
        assert contents(place / "shards") == contents(local / "shards")
        assert lake.manifest.equals(open_lake(local).manifest)
        verified = call("mura-verify", f"lake={place}", f"source={images}")
        assert verified.returncode == 0, verified.stderr
    assert all(fault.hits == fault.times for fault in s3.faults)


@pytest.mark.parametrize(
    ("name", "images", "error"),
    [
        ("none.csv", "images", "Expected a table .* {url}/none.csv, which is empty or not a file"),
        ("images", "images", "Expected a table .* {url}/images, which is empty or not a file"),
        ("labels.csv", "else", "Expected the folder of the images. Received: images={url}/else"),
        ("labels.csv", "images/0/0", "Expected the folder .* Received: images={url}/images/0/0"),
    ],
)
def test_a_table_in_a_bucket_that_is_wrong_is_one_line(
    table: Path, s3: Proxy, tmp_path: Path, name: str, images: str, error: str
) -> None:
    s3.upload(table, "set")
    url = f"{s3.url}/set"
    status, said = _ingest(f"{url}/{name}", tmp_path / "lake", f"images={url}/{images}", *TABLE)
    assert status == 1
    assert re.search(f"^ingest: {error.format(url=url)}", said.splitlines()[-1]), said


def test_an_upload_that_fails_is_one_line_and_the_next_run_goes_on(
    own_tree: Path, s3: Proxy
) -> None:
    url = f"{s3.url}/lake"
    s3.faults = [Fault("status", "PUT", path="split=valid.*tfrecord", times=10_000)]
    status, said = _ingest(own_tree, url)
    assert status == 1
    line = said.splitlines()[-1]
    assert line.startswith(f"ingest: Expected to write {url}/shards/split=valid")
    assert "Received: unknown (status 500) in PutObject" in line
    bucket = _bucket(url)
    kept = {file.path for file in bucket.list_files()}
    assert kept
    assert not any(path.startswith("shards/split=valid") for path in kept)
    assert "lake.json" not in kept
    assert not bucket.scratch.exists()

    s3.faults = []
    s3.requests.clear()
    assert _ingest(own_tree, url)[0] == 0
    assert s3.count("PUT", ".tfrecord") == len(open_lake(url).manifest["shard"].unique()) - len(
        kept
    )


def test_a_kill_loses_nothing_that_was_finished_and_leaves_nothing_half_done(
    own_tree: Path, s3: Proxy, tmp_path: Path
) -> None:
    url = f"{s3.url}/lake"
    bucket = _bucket(url)
    s3.faults = [Fault("slow", "PUT", path="split=valid.*tfrecord", times=10_000, seconds=60)]
    running = start(own_tree, url)
    wait_until(lambda: s3.faults[0].hits >= 2 and len(bucket.list_files()) == 2)
    wait_until(lambda: _count_partial(bucket) == 2)
    running.kill()
    running.communicate(timeout=60)
    assert _count_partial(bucket) == 2
    of_another_host = bucket.scratch / f"another.{socket.gethostname()}-{running.pid}"
    of_another_host.mkdir()
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: not is_alive(zombie.pid))
    (bucket.scratch / f"{socket.gethostname()}-{zombie.pid}").mkdir()

    s3.faults = []
    s3.requests.clear()
    both = [start(own_tree, url) for _ in range(2)]
    assert [(each.communicate(timeout=100), each.returncode)[1] for each in both] == [0, 0]
    assert s3.count("PUT", "shards/split=train") == 0
    assert list(bucket.scratch.iterdir()) == [of_another_host]
    zombie.wait()
    assert _ingest(own_tree, tmp_path / "lake")[0] == 0
    assert open_lake(url).digest == open_lake(tmp_path / "lake").digest
    assert {file.path for file in bucket.list_files()} == open_lake(url).files


def test_no_lake_is_committed_without_what_another_ingest_removed(
    phantom_tree: Path, lake: Lake, s3: Proxy
) -> None:
    url, gone = f"{s3.url}/lake", lake.manifest["shard"][0]
    tables = Tables(lake.manifest, lake.rejects, lake.findings)
    s3.upload(lake.root, "lake")
    bucket = _bucket(url)
    bucket.remove([gone, LAKE_FILE])
    with pytest.raises(LakeError, match=f"run again.*another ingest has removed {gone}"):
        commit(bucket, lake.image, lake.layout, tables)
    assert LAKE_FILE not in bucket.sizes([LAKE_FILE])
    assert _ingest(phantom_tree, url, WRISTS)[0] == 0
    assert open_lake(url).digest == lake.digest
    assert commit(bucket, lake.image, lake.layout, tables).digest == lake.digest


def test_damage_is_named(own_tree: Path, s3: Proxy) -> None:
    url = f"{s3.url}/lake"
    assert _ingest(own_tree, url)[0] == 0
    lake, bucket = open_lake(url), _bucket(url)
    row = lake.manifest.row(3, named=True)
    views = lake.manifest.filter(shard=row["shard"])
    whole = bucket.read(row["shard"])

    flipped = bytearray(whole)
    flipped[row["image_offset"] + 7] ^= 4
    s3.put(f"lake/{row['shard']}", bytes(flipped))
    with ViewReader(lake, views) as reader, pytest.raises(CorruptLakeError, match="differs from"):
        reader.read(np.arange(views.height))
    verified = call("mura-verify", f"lake={url}")
    assert verified.returncode == 1
    assert f"damaged: {url}/{row['shard']}" in verified.stderr

    s3.put(f"lake/{row['shard']}", whole[: len(whole) // 2])
    with pytest.raises(CorruptLakeError, match=f"{row['shard']}.*expected a file of {len(whole)}"):
        ViewReader(lake, views)
    bucket.remove([row["shard"]])
    with pytest.raises(CorruptLakeError, match="the file is missing"):
        ViewReader(lake, views)


def test_a_place_is_the_same_however_it_is_written_and_a_missing_bucket_is_named(s3: Proxy) -> None:
    expected = as_store(f"{s3.url}/some/lake")
    for written in (f"{s3.url}//some//lake/", f"S3://{s3.bucket}/some/lake"):
        assert as_store(written) == expected
    with pytest.raises(LakeError, match="Expected a lake"):
        open_lake(f"{s3.url}/some/lake")
    with pytest.raises(StoreError, match="no bucket s3://no-such-bucket"):
        open_lake("s3://no-such-bucket/lake")


def test_sizes_are_those_of_what_is_there(s3: Proxy) -> None:
    names = [f"folder{number % 7}/object{number}" for number in range(70)]
    for number, name in enumerate(names):
        s3.put(f"some/{name}", b"x" * number)
    expected = {name: number for number, name in enumerate(names)}
    bucket = _bucket(f"{s3.url}/some")
    for asked in (names, names[5:20]):
        found = bucket.sizes([*asked, "folder1/missing"])
        assert found == {name: expected[name] for name in asked}
    assert bucket.folders() == [f"folder{number}" for number in range(7)]
    assert bucket.below("none").folders() is None


def test_an_object_that_stays_short_is_never_taken_for_whole(s3: Proxy) -> None:
    s3.put("some/data", bytes(range(256)))
    bucket = _bucket(s3.url)
    s3.faults = [Fault("truncate", times=1)]
    assert bucket.read("some/data") == bytes(range(256))
    s3.faults = [Fault("truncate", times=100)]
    with pytest.raises(StoreError, match=f"Expected 256 bytes of {s3.url}/some/data from byte 0"):
        bucket.read("some/data")


def test_what_does_not_answer_is_asked_again(s3: Proxy) -> None:
    s3.put("some/data", b"data")
    s3.faults = [Fault("slow", seconds=12)]
    assert _bucket(s3.url).read("some/data") == b"data"
    assert s3.count("GET") == 2


def test_a_server_that_keeps_its_objects_on_disk_gets_the_files_of_a_folder(
    phantom_tree: Path, lake: Lake, s3_folder: Path
) -> None:
    status, said = _ingest(phantom_tree, "s3://bucket/some/lake", WRISTS)
    assert status == 0, said
    assert contents(s3_folder / "some/lake") == contents(lake.root)
    verified = call("mura-verify", "lake=s3://bucket/some/lake")
    assert verified.returncode == 0, verified.stderr


READ_GOOGLE = """
import sys
from pathlib import Path
import numpy as np
from shared.lake.download_cache import GB, ShardCache
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from dataclasses import replace

def pixels(lake):
    with ViewReader(lake, lake.manifest) as reader:
        return reader.read(np.arange(0, len(reader), 2)).tobytes()

stored, local = (open_lake(place) for place in sys.argv[1:3])
cached = replace(stored, cache=ShardCache(Path(sys.argv[3]), GB))
print(
    stored.digest == local.digest,
    {file.path for file in stored.store.list_files()} == local.files,
    {pixels(stored), pixels(cached)} == {pixels(local)},
)
"""


def test_google_cloud_storage_gives_and_gets_what_folders_do(
    own_tree: Path, google: Proxy, tmp_path: Path
) -> None:
    source = _bucket("gs://bucket/data/MURA-v1.1")
    for path in own_tree.rglob("*.png"):
        source.write(path.relative_to(own_tree).as_posix(), path.read_bytes())
    google.faults = [
        Fault("status", path="image1.png.*media", times=2),
        Fault("cut", path="image2.png.*media"),
        Fault("status", "POST", path="upload", status=503),
    ]
    lakes = {"gs://bucket/data": "gs://bucket/lake", str(own_tree): str(tmp_path / "lake")}
    for root, lake in lakes.items():
        status, said = _ingest(root, lake)
        assert status == 0, said
    assert all(fault.hits == fault.times for fault in google.faults)
    # pyarrow looks into files of this store without letting other threads run, the proxy's too
    command = [sys.executable, "-c", READ_GOOGLE, *lakes.values(), str(tmp_path / "cache")]
    read = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert read.stdout == "True True True\n", read.stderr

    bucket = _bucket("gs://bucket/lake")
    bucket.remove([LAKE_FILE, "not/there"])
    assert LAKE_FILE not in bucket.sizes([LAKE_FILE])
    assert LAKE_FILE not in {file.path for file in bucket.list_files()}
    assert bucket.folders() == ["findings", "manifest", "rejects", "shards"]
    with pytest.raises(StoreError, match="no bucket gs://another"):
        _bucket("gs://another/lake").require()


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_are_one_line_at_once(
    name: str, own_tree: Path, s3_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (s3_folder / "data").write_bytes(b"data")
    assert _bucket("s3://bucket").read("data") == b"data"
    monkeypatch.setenv(name, "wrong")
    started_s = time.monotonic()
    status, stderr = _ingest(own_tree, "s3://bucket/lake")
    assert status == 1
    assert len(stderr.splitlines()) == 1
    assert "check AWS_ACCESS_KEY_ID" in stderr
    assert time.monotonic() - started_s < 30


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("bucket", "Received: no bucket s3://no-such-bucket"),
        ("server", "check AWS_ENDPOINT_URL and the network"),
        ("endpoint", "Received: AWS_ENDPOINT_URL=localhost:9000"),
        ("path", "Received: AWS_ENDPOINT_URL=http://127.0.0.1:9/prefix"),
    ],
)
def test_what_cannot_work_is_one_line_at_once(
    fault: str, said: str, phantom_tree: Path, s3: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{s3.url}/lake"
    if fault == "bucket":
        url = "s3://no-such-bucket/lake"
    elif fault == "server":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    else:
        wrong = {"endpoint": "localhost:9000", "path": "http://127.0.0.1:9/prefix"}[fault]
        monkeypatch.setenv("AWS_ENDPOINT_URL", wrong)
    started_s = time.monotonic()
    status, stderr = _ingest(phantom_tree, url)
    assert status == (2 if fault in ("endpoint", "path") else 1)
    assert len(stderr.splitlines()) == 1
    assert said in stderr
    assert time.monotonic() - started_s < 30
