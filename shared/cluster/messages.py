"""Messages: which cluster, and what goes between the tasks' process and the one of Ray."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.cluster.code_fingerprint import Code


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster, and what of it.

    Attributes:
        address: as Ray has it, `auto`, `host:port` or `ray://host:port`; empty for one that is
            started here and ends with this process.
        processors: that the one started here has.
    """

    address: str
    processors: int


@dataclass(frozen=True)
class Share:
    """What a task takes of its node."""

    cpus: float
    gpus: float = 0

    def __str__(self) -> str:
        gpus = f" and gpus={self.gpus:g}" if self.gpus else ""
        return f"cpus={self.cpus:g}{gpus}"


@dataclass(frozen=True)
class Node:
    """A node that is alive, and what it has in all."""

    name: str
    cpus: float
    gpus: float

    def count(self, share: Share) -> int:
        """Return how many such shares it has."""
        counts = [self.cpus // share.cpus] if share.cpus else []
        counts += [self.gpus // share.gpus] if share.gpus else []
        return int(min(counts, default=0))


@dataclass(frozen=True)
class Given:
    """A task on its way to the nodes."""

    number: int
    function: Callable[[Any], Any]
    task: Any
    share: Share
    code: Code


@dataclass(frozen=True)
class Done:
    """A task that has ended: with a result, or with the exception that its function raised."""

    number: int
    result: Any
    error: Exception | None
    trace: str


@dataclass(frozen=True)
class Failed:
    """The cluster does not do what it is there for; nothing comes after this."""

    reason: str
