"""Errors of a missing, unreachable or failing cluster."""

import importlib.util

from shared.cluster.messages import Share
from shared.errors import ClusterError

_REMEDY = "finished work is kept; run again"


def require_ray() -> None:
    """Raise a ClusterError if Ray is not installed."""
    # not imported, because that is slow
    if not importlib.util.find_spec("ray"):
        raise ClusterError(
            "Expected Ray for engine=ray; run pip install 'mura-lake[cluster]'. "
            "Received: Ray is not installed"
        )


def refused(address: str, reason: str) -> ClusterError:
    """Return the error for a cluster that cannot run the tasks."""
    return ClusterError(
        f"Expected a Ray cluster that can run the tasks{_where(address)}. "
        f"Received: {reason}; {_REMEDY}"
    )


def no_room(address: str, share: Share, num_nodes: int, waited_s: float) -> ClusterError:
    """Return the error for a cluster without a node large enough for a task."""
    return ClusterError(
        f"Expected a node with {share} for a task. Received: none within {waited_s:.0f} s among "
        f"{num_nodes} live nodes{_where(address)}; {_REMEDY}"
    )


def _where(address: str) -> str:
    return f" at address={address}" if address else ""
