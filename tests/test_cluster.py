"""The same work on a Ray cluster of several nodes: killed nodes cost time, and change nothing."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import polars as pl
import pytest

from shared.lake.layout import LAKE_FILE
from shared.lake.open import Lake
from shared.storage.store import as_store
from tests.commands import PROJECT, SCRIPTS
from tests.conftest import SIZE_PX
from tests.ingest.processes import contents, one_line_of, shard_files, wait_until
from tests.object_store import Proxy, client_environment
from tests.ray_cluster import RayCluster, ray_cluster

pytestmark = pytest.mark.slow

TIMED = ("seconds", "images_per_s", "train_s", "waiting_s")


@pytest.fixture(scope="module")
def nodes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where nodes put what goes with a task."""
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def kept_cluster(s3_port: int, nodes_folder: Path) -> Generator[RayCluster, None, None]:
    """A cluster whose nodes find an S3 server in their environment."""
    environment = client_environment(f"http://127.0.0.1:{s3_port}")
    with ray_cluster({**environment, "TMPDIR": str(nodes_folder)}) as cluster:
        yield cluster


@pytest.fixture
def cluster(kept_cluster: RayCluster) -> RayCluster:
    """A cluster with a head and one node at least, whatever earlier tests have ended."""
    if kept_cluster.num_alive < 2:
        kept_cluster.start()
    return kept_cluster


def _start(script: str, *words: object, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(SCRIPTS / script), *map(str, words)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _start_on(
    cluster: RayCluster, script: str, *words: object, **environment: str
) -> "subprocess.Popen[str]":
    # the cluster's own environment has what its nodes need, and this process's comes first
    environment = {**cluster.environment, **os.environ, **environment}
    return _start(script, *words, "engine=ray", f"address={cluster.address}", **environment)


def _ingest(
    cluster: RayCluster, tree: object, root: object, **environment: str
) -> "subprocess.Popen[str]":
    words = (tree, f"lake={root}", f"size={SIZE_PX}")
    return _start_on(cluster, "mura-ingest", *words, **environment)


def _wait_while(running: "subprocess.Popen[str]", condition: Callable[[], object]) -> None:
    """Wait for what must come while a process runs, which may take TensorFlow's start on a node."""
    wait_until(lambda: condition() or running.poll() is not None, timeout_s=120)
    assert condition(), running.communicate()


def test_an_object_store_gets_the_same_lake_when_a_node_is_killed_on_the_way(
    s3: Proxy, cluster: RayCluster, phantom_tree: Path, lake: Lake
) -> None:
    s3.upload(phantom_tree, "tree/MURA-v1.1")
    victim, store = cluster.add_node(), as_store(f"{s3.url}/lake")
    running = _ingest(cluster, f"{s3.url}/tree", store)

    wait_until(lambda: cluster.workers(victim) and store.folders("shards"))
    cluster.kill(victim)
    assert not store.sizes([LAKE_FILE])

    said, noted = running.communicate(timeout=100)
    assert running.returncode == 0, noted
    assert f"digest {lake.digest}" in said
    assert "ray" not in noted.lower()
    # nodes ask the server, this host's own requests go through the proxy
    assert not s3.count("PUT", "tfrecord")


def test_without_an_address_the_cluster_is_this_host_alone(
    phantom_tree: Path, lake: Lake, tmp_path: Path
) -> None:
    root = tmp_path / "lake"
    words = (phantom_tree, f"lake={root}", f"size={SIZE_PX}", "engine=ray")
    # as `just` does before there is an environment: uv then runs the Python of the system
    command = ("uv", "run", "--quiet", "--no-project", SCRIPTS / "mura-ingest", *words)
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert result.returncode == 0, result.stderr
    assert contents(root) == contents(lake.root)


@pytest.mark.benchmark
@pytest.mark.timeout(400)
def test_cross_validation_is_the_same_wherever_its_tasks_are_killed_and_find_their_folder(
    s3: Proxy, cluster: RayCluster, lake: Lake, nodes_folder: Path, tmp_path: Path
) -> None:
    s3.upload(lake.root, "lake")
    own = ("part=wrist", "k=2", "models=cnn2", "ensemble=folds", "epochs=6", "cpus=1", "images=off")
    words = (*own, f"lake={s3.url}/lake", f"cache={tmp_path / 'cache'}", f"out={tmp_path / 'ray'}")
    running = _start_on(cluster, "mura-cv", *words)
    checkpoints = tmp_path / "ray" / "checkpoints"
    _wait_while(running, lambda: list(checkpoints.glob("*.npz")) and cluster.workers())
    (worker,) = cluster.workers()
    worker.kill()
    worker.wait()
    # before another process has begun, which takes the folder for that of another run
    run_file = checkpoints / "run.json"
    run_file.write_text(json.dumps({**json.loads(run_file.read_text()), "id": "another"}))
    local = _start("mura-cv", *own, f"lake={lake.root}", f"out={tmp_path / 'local'}")
    _wait_while(running, lambda: list(nodes_folder.glob("mura-lake-*")))

    (_, wrong), (_, noted) = (each.communicate(timeout=200) for each in (local, running))
    assert local.returncode == 0, wrong
    assert running.returncode == 0, noted
    assert ", attempt 2)" in noted
    assert ": finished 2 of 2 fits" in noted
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
    root = tmp_path / "lake"
    running = _ingest(cluster, phantom_tree, root, RAY_gcs_rpc_server_reconnect_timeout_s="2")
    wait_until(lambda: shard_files(root))
    cluster.kill_all()
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "Received: the connection to its head node was lost" in one_line_of(said)
    assert not list(root.rglob(".*"))
