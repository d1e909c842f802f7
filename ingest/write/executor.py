"""The interface of executors: local worker processes, or a Ray cluster."""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from ingest.options import IngestOptions
from ingest.write.tasks import DECIDE_ON_PIXELS

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """Applies a function to many tasks in parallel.

    Attributes:
        is_remote: whether tasks run on other hosts, which may not share a disk with this one.
    """

    is_remote: bool

    def start(self, num_tasks: int | None = None) -> None:
        """Start the workers needed for `num_tasks` tasks, or all, without waiting for them."""
        ...

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield each task's index and result in order of completion.

        The executor must have been started. Closing the generator early kills the executor.

        Args:
            function: importable by name, or a `functools.partial` of such a function.
            tasks: arguments of the calls, consumed lazily and in order.

        Raises:
            WorkerError: a process died or ran out of memory.
            ClusterError: the cluster is not available, or no longer.
            Exception: any exception of the function.
        """
        ...

    def kill(self) -> None:
        """Stop all workers, including those with a running task."""
        ...


def open_executor(options: IngestOptions) -> AbstractContextManager[Executor]:
    """Return the executor for the requested engine; imports are local, so Ray stays optional.

    Raises:
        ClusterError: Ray is requested but not installed.
    """
    if options.engine == "local":
        from ingest.write.process_pool import Pool

        return Pool(options.workers, imports="ingest.write.shard")

    from shared.cluster.code_fingerprint import Code
    from shared.cluster.messages import ClusterOptions
    from shared.cluster.nodes import Cluster

    code = Code.here(("shared", "ingest"), DECIDE_ON_PIXELS)
    return Cluster(ClusterOptions(options.address, options.workers), code)
