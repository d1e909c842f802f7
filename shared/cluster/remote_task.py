"""Execution of a task on a node, after a check that the node has the same code."""

import socket
import traceback
from importlib import import_module
from typing import Any

from shared.cluster.messages import Given
from shared.cluster.task_status import say_by
from shared.errors import ClusterError


def attempt(given: Given, board: Any) -> tuple[Any, Exception | None, str]:
    """Return the result of a function, or its exception and traceback.

    Exceptions are returned, so that an error raised by Ray means that the node failed to load the
    task.

    Args:
        given: The task.
        board: Ray handle of a `Board`, or None.
    """
    try:
        if board:
            board.begin.remote(given.number, socket.gethostname())
            say_by(lambda text: board.say.remote(given.number, text))
        if differences := given.code.differences():
            raise ClusterError(
                "Expected every node to have the code and packages of this one. "
                f"Received: on {socket.gethostname()}, {', '.join(differences)}"
            )
        return given.function(given.task), None, ""
    except Exception as error:
        return None, error, traceback.format_exc()


def count_own_processors() -> int:
    """Return the number of CPUs assigned to the current task."""
    ray: Any = import_module("ray")
    return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))
