"""Cluster task: what a node runs of this project, once it has shown that it has the same code."""

import socket
import traceback
from collections.abc import Callable
from typing import Any

from shared.errors import ClusterError
from shared.same_code import Code


def attempt(
    function: Callable[[Any], Any], task: Any, code: Code
) -> tuple[Any, Exception | None, str]:
    """Return a function's result, or what it raised and where, which is no fault of the node."""
    try:
        if differences := code.differences():
            raise ClusterError(
                "Expected every node to have the code and packages of this one. "
                f"Received: on {socket.gethostname()}, {', '.join(differences)}"
            )
        return function(task), None, ""
    except Exception as error:
        return None, error, traceback.format_exc()
