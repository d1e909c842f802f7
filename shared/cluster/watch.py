"""Watch: what changes on a cluster: which nodes there are, and how tasks stand."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from importlib import import_module
from typing import Any

from shared.cluster.messages import Node
from shared.cluster.task_status import Status

_LOOK_S = 1.0


def import_ray() -> Any:
    """Return Ray, whose types are partly unknown to a checker."""
    return import_module("ray")


class Watch:
    """Sends which nodes there are and how tasks stand, whenever that changes.

    Args:
        board: Ray's handle of a `Board`, or None.
        send: to the process that has the tasks.
    """

    def __init__(self, board: Any, send: Callable[[Any], None]):
        self._board, self._send = board, send
        self._nodes: list[Node] | None = None
        self._statuses: dict[int, Status] = {}
        self._answer: Any = None
        self._looked_s = -_LOOK_S

    def look(self, running: Collection[int], num_given: int) -> None:
        """Look, if it is time to look again.

        Args:
            running: the tasks that have not ended.
            num_given: how many there were so far.
        """
        if time.monotonic() - self._looked_s < _LOOK_S:
            return
        self._looked_s = time.monotonic()
        if (nodes := _find_nodes()) != self._nodes:
            self._nodes = nodes
            self._send(nodes)
        if self._board:
            self._read_board(running, num_given)

    def _read_board(self, running: Collection[int], num_given: int) -> None:
        """Ask, or take what was asked for a while ago, for the board may be slow to begin."""
        ray = import_ray()
        if self._answer is None:
            self._answer = self._board.read.remote(running, num_given)
        if not ray.wait([self._answer], timeout=0)[0]:
            return
        answer, self._answer = self._answer, None
        # its node may have died; it begins again elsewhere
        with suppress(ray.exceptions.RayError):
            statuses = ray.get(answer)
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
