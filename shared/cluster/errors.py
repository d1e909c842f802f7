"""Faults: what is said of a cluster that cannot be used, or no longer."""

import importlib.util

from shared.cluster.messages import Share
from shared.errors import ClusterError

_REMEDY = "finished work is kept, run again"


def require_ray() -> None:
    """Return if Ray is installed, without the time that importing it takes.

    Raises:
        ClusterError: it is not.
    """
    if not importlib.util.find_spec("ray"):
        raise ClusterError(
            "Expected Ray for engine=ray; pip install 'mura-lake[cluster]' adds it. "
            "Received: it is not installed"
        )


def refused(address: str, reason: str) -> ClusterError:
    """Return the error of a cluster that does not do tasks."""
    return ClusterError(
        f"Expected a Ray cluster that does the tasks{_where(address)}. "
        f"Received: {reason}; {_REMEDY}"
    )


def no_room(address: str, share: Share, num_nodes: int, waited_s: float) -> ClusterError:
    """Return the error of a cluster on which no node has what a task takes."""
    return ClusterError(
        f"Expected a node with {share} for a task. Received: none for {waited_s:.0f} s among the "
        f"{num_nodes} that are alive{_where(address)}; {_REMEDY}"
    )


def _where(address: str) -> str:
    return f" at address={address}" if address else ""
