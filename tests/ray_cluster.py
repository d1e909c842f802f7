"""A Ray cluster on loopback: a head without processors, and nodes that can be killed."""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.commands import PROJECT, SCRIPTS

_OBJECT_STORE_BYTES = 80 * 1024 * 1024
_START_S = 60


class RayCluster:
    """Node processes of this host, as `ray start` starts them on any.

    Args:
        folder: where Ray keeps what it needs; its path must be short, for sockets lie in it.
        environment: of the nodes, beside this process's.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]):
        self.environment = {
            **os.environ,
            **environment,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            # nodes of other hosts have the project installed
            "PYTHONPATH": str(PROJECT),
        }
        self._folder = folder
        self._nodes: list[subprocess.Popen[bytes]] = []
        self._port = _free_port()
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start a head, and one node."""
        self.kill_all()
        self._start(
            "--head",
            f"--port={self._port}",
            "--num-cpus=0",
            "--include-dashboard=false",
            f"--temp-dir={self._folder}",
            f"--ray-client-server-port={_free_port()}",
            "--min-worker-port=0",
            "--max-worker-port=0",
        )
        self.add_node()

    @property
    def num_alive(self) -> int:
        """How many nodes there are, the head among them."""
        return sum(node.poll() is None for node in self._nodes)

    def add_node(self) -> "subprocess.Popen[bytes]":
        """Start a node with one processor.

        Nodes of one host that start at once can choose the same ports.
        """
        return self._start(f"--address={self.address}", "--num-cpus=1")

    def kill(self, node: "subprocess.Popen[bytes]") -> None:
        """End all processes of a node at once, as when its host loses power."""
        if node.poll() is not None:
            return
        processes = [psutil.Process(node.pid), *psutil.Process(node.pid).children(recursive=True)]
        for process in processes:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        node.wait()

    def kill_all(self) -> None:
        """End all nodes."""
        for node in reversed(self._nodes):
            self.kill(node)

    def workers(self, node: "subprocess.Popen[bytes] | None" = None) -> list[psutil.Process]:
        """Return the processes, of a node or of all, that are in the midst of a task of ours."""
        found: list[psutil.Process] = []
        for parent in [node] if node else self._nodes:
            with suppress(psutil.Error):
                found.extend(psutil.Process(parent.pid).children(recursive=True))
        return [process for process in found if _is_at_work(process)]

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        command = [
            SCRIPTS / "ray",
            "start",
            *words,
            "--block",
            f"--object-store-memory={_OBJECT_STORE_BYTES}",
            "--include-log-monitor=false",
            "--disable-usage-stats",
        ]
        path = self._folder / f"node{len(self._nodes)}.log"
        with path.open("wb") as log:
            node = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._nodes.append(node)
        deadline_s = time.monotonic() + _START_S
        while "Ray runtime started" not in (said := path.read_text()):
            assert node.poll() is None, said
            assert time.monotonic() < deadline_s, said
            time.sleep(0.1)
        return node


@contextmanager
def ray_cluster(environment: Mapping[str, str]) -> Generator[RayCluster, None, None]:
    """Yield a cluster that is not yet started; all of it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        cluster = RayCluster(Path(folder), environment)
        try:
            yield cluster
        finally:
            cluster.kill_all()


def _is_at_work(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[:1] == ["ray::mura-lake"]
    except psutil.Error:
        return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
