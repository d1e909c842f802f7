"""Training from an object store: the views of a folder, through a cache or streamed and checked."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shared.errors import CorruptLakeError, StoreError
from shared.lake.download_cache import GB, ShardCache
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.lake.shard_rows import rows_by_shard, shard_bytes
from tests.commands import PROJECT, SCRIPTS, run, warm
from tests.conftest import TRAIN
from tests.ingest.processes import wait_until
from tests.object_store import Fault, Proxy
from trainer.commands.eda import eda
from trainer.options import EdaOptions


@pytest.fixture
def url(lake: Lake, s3: Proxy) -> str:
    """The lake in the test's bucket."""
    s3.upload(lake.root, "lake")
    s3.requests.clear()
    return f"{s3.url}/lake"


def _cached(url: str, folder: Path, limit_bytes: int = GB) -> Lake:
    return replace(open_lake(url), cache=ShardCache(folder, limit_bytes))


def _pixels(lake: Lake, views: pl.DataFrame) -> bytes:
    with ViewReader(lake, views) as reader:
        return reader.read(np.random.default_rng(1).permutation(views.height)).tobytes()


def test_a_cache_is_fetched_once_and_reads_as_the_folder(
    url: str, lake: Lake, s3: Proxy, tmp_path: Path
) -> None:
    views = lake.manifest
    s3.faults = [
        Fault("status", path="tfrecord", times=2),
        Fault("cut", path="tfrecord"),
        Fault("truncate", path="tfrecord"),
    ]
    with ThreadPoolExecutor(4) as runs:
        pixels = set(runs.map(lambda _: _pixels(_cached(url, tmp_path), views), range(4)))
    assert pixels == {_pixels(lake, views)}
    assert all(fault.hits == fault.times for fault in s3.faults)
    num_shards = views["shard"].n_unique()
    assert s3.count("HEAD", ".tfrecord") == num_shards
    assert len(list(tmp_path.glob("*.tfrecord"))) == num_shards

    damaged = tmp_path / Path(views["shard"][0]).name
    data = bytearray(damaged.read_bytes())
    data[views["image_offset"][0]] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(CorruptLakeError, match=f"{damaged}, view .* removed from the cache"):
        _pixels(_cached(url, tmp_path), views)
    assert _pixels(_cached(url, tmp_path), views) in pixels


def test_a_cache_keeps_its_bound_and_what_is_in_use(
    url: str, lake: Lake, s3: Proxy, tmp_path: Path
) -> None:
    rows = rows_by_shard(lake.manifest, lake.manifest["shard"])
    sizes = {shard: shard_bytes(own) for shard, own in rows.items()}
    oldest, used, first, last, second, *_ = sorted(sizes, key=lambda shard: sizes[shard])
    of = {shard: lake.manifest.filter(shard=shard) for shard in sizes}
    limit_bytes = sum(sizes[shard] for shard in (oldest, used, first, second))
    stored = _cached(url, tmp_path, limit_bytes)
    foreign = tmp_path / "mine.tfrecord"
    foreign.write_bytes(b"not of the cache")

    def kept() -> set[str]:
        return {path.name for path in tmp_path.glob("*.tfrecord") if path != foreign}

    with ViewReader(stored, of[used]) as reader:
        for shard in (oldest, first, second, oldest, last):
            _pixels(stored, of[shard])
        assert {Path(shard).name for shard in (oldest, used, last)} <= kept()
        assert Path(first).name not in kept()
        assert sum((tmp_path / name).stat().st_size for name in kept()) <= limit_bytes
        assert _read(reader) == _read(ViewReader(lake, of[used]))
        others = pl.concat([of[oldest], of[first], of[second], of[last]])
        tight = _cached(url, tmp_path, limit_bytes + sizes[last] - sizes[used])
        with pytest.raises(StoreError, match=r"besides those in use by others\. Received: cache"):
            _pixels(tight, others)
    with pytest.raises(StoreError, match=r"Expected cache_gb=0\.1 or more for the shards"):
        _pixels(stored, lake.manifest)
    assert not list(tmp_path.glob(".*.partial"))
    assert foreign.exists()


def _read(reader: ViewReader) -> bytes:
    return reader.read(np.arange(len(reader))).tobytes()


def test_a_shard_that_was_damaged_in_the_store_does_not_get_in(
    url: str, lake: Lake, s3: Proxy, tmp_path: Path
) -> None:
    row = lake.manifest.row(5, named=True)
    data = bytearray((lake.root / row["shard"]).read_bytes())
    data[row["image_offset"] + 3] ^= 1
    s3.put(f"lake/{row['shard']}", bytes(data))
    with pytest.raises(CorruptLakeError, match=f"{url}/{row['shard']}, view {row['view_id']}: the"):
        _pixels(_cached(url, tmp_path), lake.manifest)
    assert Path(row["shard"]).name not in {path.name for path in tmp_path.iterdir()}


def test_a_whole_shard_under_the_name_of_another_does_not_get_in(
    url: str, lake: Lake, s3: Proxy, tmp_path: Path
) -> None:
    shard = lake.manifest["shard"][0]
    other = f"{shard.rpartition('/')[0]}/{'0' * 32}.tfrecord"
    s3.put(f"lake/{other}", (lake.root / shard).read_bytes())
    views = lake.manifest.filter(shard=shard).with_columns(shard=pl.lit(other))
    renamed = replace(_cached(url, tmp_path), manifest=views)
    with pytest.raises(CorruptLakeError, match=f"{other}: its digest differs from its name"):
        ViewReader(renamed, views)
    assert not list(tmp_path.glob("*.tfrecord"))


def test_the_page_of_a_lake_in_a_bucket_is_that_of_the_folder(
    url: str, lake: Lake, tmp_path: Path
) -> None:
    pages: list[str] = []
    for place in (url, str(lake.root)):
        out = tmp_path / "eda.html"
        eda(EdaOptions(lake=place, out=str(out)))
        pages.append(out.read_text().replace(place, "PLACE"))
    assert pages[0] == pages[1]


@pytest.mark.benchmark
def test_a_run_through_a_cache_is_the_run_from_the_folder(
    url: str, trained_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = (f"lake={url}", f"cache={tmp_path / 'cache'}", f"out={out}")
    result = run("mura-train", *TRAIN, *words)
    assert result.returncode == 0, result.stderr
    predictions = [pl.read_parquet(run / "predictions.parquet") for run in (out, trained_run)]
    assert predictions[0].equals(predictions[1])
    assert "view AUROC" in result.stdout
    assert result.stdout.rstrip().endswith(f"report: {out / 'report.html'}")
    assert json.loads((out / "config.json").read_text())["lake"]["path"] == url


STREAM = """
import sys
from shared.entry import run
from shared.errors import UsageError
from shared.lake.open import open_lake
from shared.lake.reader import ViewReader

def epoch(place, stream):
    lake = open_lake(place)
    views = lake.manifest.sample(300, seed=2)
    with ViewReader(lake, views) as reader:
        assert reader.is_remote == place.startswith("s3://")
        batches = iter(stream(reader, 32, 1))
        drawn = [next(batches) for _ in range(10)]
    return [
        (image.tobytes(), float(label[0]))
        for images, labels in drawn
        for image, label in zip(images.numpy(), labels.numpy(), strict=True)
    ]

def command(words):
    from trainer.data.tfrecord_pipeline import sequential_batches
    streamed, local = (epoch(place, sequential_batches) for place in words)
    print(len(streamed), streamed == local)
    raise UsageError("asked wrongly")

run(command, "stream", "")
"""


def test_a_stream_that_breaks_gives_the_same_views_and_the_status_is_ours(
    url: str, lake: Lake, s3: Proxy
) -> None:
    s3.faults = [
        Fault("status", path="label=0.*tfrecord"),
        Fault("cut", path="label=1.*tfrecord"),
        Fault("truncate", path="label=0.*tfrecord"),
    ]
    command = warm([sys.executable, "-c", STREAM, url, lake.root])
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert result.stdout == "300 True\n", result.stderr
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "stream: asked wrongly"
    assert all(fault.hits == fault.times for fault in s3.faults)


@pytest.mark.benchmark
def test_a_run_streamed_from_a_server_that_checks_signatures_ends_well(
    lake: Lake, s3_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(lake.root, s3_folder / "lake")
    words = ("part=wrist", "model=cnn2", "epochs=1", "batch_size=16", "lake=s3://bucket/lake")
    result = run("mura-train", *words, f"out={tmp_path / 'run'}")
    assert result.returncode == 0, result.stderr
    assert "report.html" in result.stdout
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("how", "status"),
    [("refused", 1), pytest.param("interrupted", 130, marks=pytest.mark.benchmark)],
)
def test_a_streamed_run_that_ends_badly_has_its_own_status(
    how: str, status: int, url: str, s3: Proxy, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ("part=wrist", "model=cnn4", "epochs=500", "patience=500", f"lake={url}")
    running = subprocess.Popen(
        warm([SCRIPTS / "mura-train", *words, f"out={out}"]),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: list((out / "checkpoints").glob("*.npz")))
    if how == "refused":
        s3.refuse(403)
    else:
        os.kill(running.pid, signal.SIGINT)
    said = running.communicate(timeout=60)[1].splitlines()
    assert running.returncode == status, said
    if how == "refused":
        assert said[-1].startswith(f"train: Expected to read {url}/shards/")
        assert "check AWS_ACCESS_KEY_ID" in said[-1]
    else:
        assert said[-1].startswith("train: interrupted")
