"""The same work on a Ray cluster of several nodes: killed nodes cost time, and change nothing."""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import polars as pl
import psutil
import pytest

from shared.lake import Lake
from tests.commands import PROJECT, SCRIPTS, run
from tests.conftest import SIZE_PX
from tests.ingest.processes import contents, one_line_of, shard_files, wait_until
from tests.object_store import Proxy, client_environment
from tests.ray_cluster import RayCluster, ray_cluster

TIMED = ("seconds", "images_per_s", "train_s", "waiting_s")


@pytest.fixture(scope="module")
def cluster(s3_port: int) -> Generator[RayCluster, None, None]:
    """A cluster with one node that stays; nodes find an S3 server in their environment."""
    with ray_cluster(client_environment(f"http://127.0.0.1:{s3_port}")) as cluster:
        cluster.add_node()
        yield cluster


def _start(
    cluster: RayCluster, script: str, *words: object, **environment: str
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(SCRIPTS / script), *map(str, words), "engine=ray", f"address={cluster.address}"],
        cwd=PROJECT,
        env={**cluster.environment, **os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ingest(
    cluster: RayCluster, tree: Path, root: Path, **environment: str
) -> "subprocess.Popen[str]":
    words = (tree, f"lake={root}", f"size={SIZE_PX}")
    return _start(cluster, "mura-ingest", *words, **environment)


def _tasks_of(node: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Return the processes of a node that are in the midst of a task."""
    found: list[psutil.Process] = []
    for process in psutil.Process(node.pid).children(recursive=True):
        try:
            if process.cmdline()[:1] == ["ray::mura-lake"]:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_lake_is_the_same_when_a_node_is_killed_on_the_way(
    cluster: RayCluster, phantom_tree: Path, lake: Lake, tmp_path: Path
) -> None:
    victim, root = cluster.add_node(), tmp_path / "lake"
    running = _ingest(cluster, phantom_tree, root)

    wait_until(lambda: shard_files(root) and _tasks_of(victim))
    cluster.kill(victim)
    num_before = len(shard_files(root))

    said, noted = running.communicate(timeout=100)
    assert running.returncode == 0, noted
    assert num_before < len(shard_files(root))
    assert contents(root) == contents(lake.root)
    assert f"digest {lake.digest}" in said
    assert "ray" not in noted.lower()


def test_nodes_write_to_an_object_store_what_they_read_from_one(
    s3: Proxy, cluster: RayCluster, own_tree: Path, tmp_path: Path
) -> None:
    for path in own_tree.rglob("*.png"):
        s3.put(f"tree/MURA-v1.1/{path.relative_to(own_tree).as_posix()}", path.read_bytes())
    words = (f"{s3.url}/tree", f"lake={s3.url}/lake", f"size={SIZE_PX}")
    running = _start(cluster, "mura-ingest", *words)
    said, noted = running.communicate(timeout=100)
    assert running.returncode == 0, noted
    for engine in ("local", "ray"):
        # without an address, the cluster is this host alone
        words = (own_tree, f"lake={tmp_path / engine}", f"size={SIZE_PX}", f"engine={engine}")
        alone = run("mura-ingest", *words)
        assert alone.returncode == 0, alone.stderr
        assert said.rpartition("(digest ")[2] == alone.stdout.rpartition("(digest ")[2]
    # nodes ask the server, this host's own requests go through the proxy
    assert not any("tfrecord" in path for method, path in s3.requests if method == "PUT")


@pytest.mark.timeout(400)
def test_cross_validation_is_the_same_when_a_process_is_killed_on_the_way(
    cluster: RayCluster, lake: Lake, tmp_path: Path
) -> None:
    own = ("part=wrist", "k=2", "models=cnn2", "epochs=3", "cpus=1")
    words = (*own, f"lake={lake.root}")
    running = _start(cluster, "mura-cv", *words, f"out={tmp_path / 'ray'}")
    checkpoints = tmp_path / "ray" / "checkpoints"
    wait_until(lambda: list(checkpoints.glob("*.npz")) and cluster.workers(), timeout_s=120)
    cluster.workers()[0].kill()
    local = run("mura-cv", *words, f"out={tmp_path / 'local'}")
    assert local.returncode == 0, local.stderr

    noted = running.communicate(timeout=200)[1]
    assert running.returncode == 0, noted
    assert ", try 2)" in noted
    assert ": 2 of 2 fits are done" in noted
    for name, columns in (("predictions", ()), ("history", TIMED)):
        expected, found = (
            pl.read_parquet(tmp_path / run / f"{name}.parquet").drop(columns)
            for run in ("local", "ray")
        )
        assert found.equals(expected)
    assert not checkpoints.exists()


def test_an_interruption_leaves_no_task_behind(
    cluster: RayCluster, phantom_tree: Path, tmp_path: Path
) -> None:
    root = tmp_path / "lake"
    running = _ingest(cluster, phantom_tree, root)
    wait_until(lambda: shard_files(root) and cluster.workers())
    sent_s = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == 130, said
    assert one_line_of(said).startswith("ingest: interrupted; finished shards are kept")
    assert time.monotonic() - sent_s < 5
    assert not cluster.workers()
    assert not list(root.rglob(".*"))


def test_a_cluster_that_is_lost_is_one_line(
    cluster: RayCluster, phantom_tree: Path, tmp_path: Path
) -> None:
    """The last test here: it ends the cluster of all."""
    root = tmp_path / "lake"
    running = _ingest(cluster, phantom_tree, root, RAY_gcs_rpc_server_reconnect_timeout_s="2")
    wait_until(lambda: shard_files(root))
    cluster.kill_all()
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "Received: the connection to its head node is lost" in one_line_of(said)
    assert not list(root.rglob(".*"))
