"""Monitor for the nodes of a cluster and the status of tasks."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from importlib import import_module
from typing import Any

from shared.cluster.messages import Node
from shared.cluster.task_status import Status

_POLL_S = 1.0


def import_ray() -> Any:
    """Import Ray dynamically, because its types are incomplete."""
    return import_module("ray")


class Watch:
    """Sends the list of nodes and, from the Ray handle of a `Board` if any, the task statuses."""

    def __init__(self, board: Any, send: Callable[[Any], None]):
        self._board, self._send = board, send
        self._nodes: list[Node] | None = None
        self._statuses: dict[int, Status] = {}
        self._pending: Any = None
        self._polled_s = -_POLL_S

    def poll(self, running: Collection[int], num_submitted: int) -> None:
        """Check for changes, at most once per second; for the arguments see `Board.read`."""
        if time.monotonic() - self._polled_s < _POLL_S:
            return
        self._polled_s = time.monotonic()
        if (nodes := _find_nodes()) != self._nodes:
            self._nodes = nodes
            self._send(nodes)
        if self._board:
            self._read_board(running, num_submitted)

    def _read_board(self, running: Collection[int], num_submitted: int) -> None:
        ray = import_ray()
        # one request at a time, without waiting: the board may be slow to start
        if self._pending is None:
            self._pending = self._board.read.remote(running, num_submitted)
        if not ray.wait([self._pending], timeout=0)[0]:
            return
        response, self._pending = self._pending, None
        # the board's node may have died; Ray restarts the board on another one
        with suppress(ray.exceptions.RayError):
            statuses = ray.get(response)
            if statuses != self._statuses:
                self._statuses = statuses
                self._send(statuses)


def _find_nodes() -> list[Node]:
    return sorted(
        (
            Node(
                node["NodeManagerAddress"],
                node["Resources"].get("CPU", 0),
                node["Resources"].get("GPU", 0),
            )
            for node in import_ray().nodes()
            if node["Alive"]
        ),
        key=lambda node: (node.name, node.cpus, node.gpus),
    )
