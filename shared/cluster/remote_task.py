"""Execution of a task on a node, after a check that the node has the same code."""

import socket
import traceback
from importlib import import_module
from typing import Any

from shared.cluster.messages import Submission
from shared.cluster.task_status import set_receiver
from shared.errors import ClusterError


def run_task(submission: Submission, board: Any) -> tuple[Any, Exception | None, str]:
    """Return the result of a function, or its exception and traceback; `board` is a Ray handle."""
    try:
        if board:
            board.begin.remote(submission.number, socket.gethostname())
            set_receiver(lambda text: board.say.remote(submission.number, text))
        if differences := submission.code.differences():
            raise ClusterError(
                "Expected every node to have the code and packages of this one. "
                f"Received: on {socket.gethostname()}, {', '.join(differences)}"
            )
        return submission.function(submission.task), None, ""
    # returned, so that an error raised by Ray means that the node failed to load the task
    except Exception as error:
        return None, error, traceback.format_exc()


def count_own_processors() -> int:
    """Return the number of CPUs assigned to the current task."""
    ray: Any = import_module("ray")
    return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))
