"""Cluster options, and messages between the main process and the Ray driver process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.cluster.code_fingerprint import Code


@dataclass(frozen=True)
class ClusterOptions:
    """Cluster to use; an empty Ray address starts one on this host that ends with this process."""

    address: str
    processors: int


@dataclass(frozen=True)
class Share:
    """Resources of a node that one task uses."""

    cpus: float
    gpus: float = 0

    def __str__(self) -> str:
        gpus = f" and gpus={self.gpus:g}" if self.gpus else ""
        return f"cpus={self.cpus:g}{gpus}"


@dataclass(frozen=True)
class Node:
    """A live node and its total resources."""

    name: str
    cpus: float
    gpus: float

    def count(self, share: Share) -> int:
        """Return the number of tasks of this share that fit on the node."""
        counts = [self.cpus // share.cpus] if share.cpus else []
        counts += [self.gpus // share.gpus] if share.gpus else []
        return int(min(counts, default=0))


@dataclass(frozen=True)
class Submission:
    """A task sent to the nodes."""

    number: int
    function: Callable[[Any], Any]
    task: Any
    share: Share
    code: Code


@dataclass(frozen=True)
class Done:
    """A completed task, with its result or the exception that its function raised."""

    number: int
    result: Any
    error: Exception | None
    trace: str


@dataclass(frozen=True)
class Failed:
    """A failure of the cluster; no message follows it."""

    reason: str
