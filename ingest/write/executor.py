"""Executor: who does the tasks of an ingest: the processes of this machine, or a Ray cluster."""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from ingest.options import IngestOptions
from ingest.write.tasks import DECIDE_ON_PIXELS

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """What does one function over many tasks, at once.

    Attributes:
        is_remote: whether tasks are done on other hosts, which may share no disk with this one.
    """

    is_remote: bool

    def start(self, num_tasks: int | None = None) -> None:
        """Start what so many tasks can use, if it is not there yet; it is not waited for."""
        ...

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield each task's index with its result as it comes; if closed before, kill the executor.

        The executor must have been started.

        Args:
            function: importable by name, or a `functools.partial` of such.
            tasks: what it is called with, in this order; taken one by one as they are begun.

        Raises:
            WorkerError: a process died or ran out of memory.
            ClusterError: the cluster cannot be used, or no longer.
            Exception: what the function raised.
        """
        ...

    def kill(self) -> None:
        """End what was started, also in the midst of a task."""
        ...


def open_executor(options: IngestOptions) -> AbstractContextManager[Executor]:
    """Return the executor that the options ask for; each engine imports only what it needs.

    Raises:
        ClusterError: Ray is asked for and not installed.
    """
    if options.engine == "local":
        from ingest.write.process_pool import Pool

        return Pool(options.workers, imports="ingest.write.shard")

    from shared.cluster.code_fingerprint import Code
    from shared.cluster.messages import ClusterOptions
    from shared.cluster.nodes import Cluster

    code = Code.here(("shared", "ingest"), DECIDE_ON_PIXELS)
    return Cluster(ClusterOptions(options.address, options.workers), code)
