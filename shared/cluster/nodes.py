"""Parallel map over tasks on the nodes of a Ray cluster."""

import importlib.util
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from shared.cluster.address import check_reachable
from shared.cluster.code_fingerprint import Code
from shared.cluster.driver import drive
from shared.cluster.messages import ClusterOptions, Done, Failed, Node, Share, Submission
from shared.cluster.task_status import Status
from shared.errors import ClusterError
from shared.processes.child import Child, signals_are_held

Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_PROCESSOR = Share(cpus=1)
# timeouts for the cluster's first response, and for a node with room for a task
_START_S, _NODES_S = 60.0, 30.0
# more than the driver takes to cancel its tasks and to send the last messages, 1.5 s each
_END_S = 5.0
_LOST = "the connection to its head node was lost"


class Cluster:
    """Executor on the nodes of a Ray cluster; a context manager.

    Args:
        code: required fingerprint of every node, so that results do not depend on the node.
        share: function from the list of nodes to the resources of a task.
        num_queued: queued tasks per running task, so that no node is idle between tasks.
        watch: called with the status of each started task whenever one changes.

    Raises:
        ClusterError: Ray is not installed.
    """

    is_remote = True

    def __init__(
        self,
        options: ClusterOptions,
        code: Code,
        share: Callable[[Sequence[Node]], Share] = lambda _: ONE_PROCESSOR,
        num_queued: int = 1,
        watch: Callable[[Mapping[int, Status]], None] | None = None,
    ):
        # not imported, because that is slow
        if not importlib.util.find_spec("ray"):
            raise ClusterError(
                "Expected Ray for engine=ray; run pip install 'mura-lake[cluster]'. "
                "Received: Ray is not installed"
            )
        self._options, self._code, self._choose_share = options, code, share
        self._num_queued, self._watch = num_queued, watch
        self._child: Child | None = None
        self._nodes: list[Node] | None = None
        self._running: dict[int, int] = {}
        self._num_submitted = 0

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, num_tasks: int | None = None) -> None:
        """Start or connect to the cluster without waiting for it.

        Raises:
            ClusterError: no server listens at the address.
        """
        if self._child or num_tasks == 0:
            return
        check_reachable(self._options.address)
        # a child process hides Ray's output, and Ray ends it, not this process, after losing its
        # head node
        with signals_are_held():
            address, processors = self._options.address, self._options.processors
            self._child = Child(drive, address, processors, self._watch is not None)

    def kill(self) -> None:
        """Stop the tasks, and the cluster if it was started here."""
        if self._child:
            self._child.connection.close()
            # before Ray is up there are no tasks to wait for
            self._child.process.join(_END_S if self._nodes else 0)
            self._child.kill()
        self._child = self._nodes = None

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield the index and result of each task on completion; on early close, kill the cluster.

        Args:
            function: importable by name on every node, or a `functools.partial` of such a function.
            tasks: arguments of the calls, taken in order and one by one as nodes have room.

        Raises:
            ClusterError: the cluster does not respond, has no node large enough for a task, runs
                different code, or lost a task too often.
            Exception: any exception of the function.
        """
        running = self._running = {}
        pending = enumerate(tasks)
        try:
            upcoming = next(pending, None)
            while running or upcoming:
                while upcoming and len(running) < self._count_slots() * (1 + self._num_queued):
                    self._submit(*upcoming, function)
                    upcoming = next(pending, None)
                if done := self._receive():
                    yield running.pop(done.number), self._unwrap(done)
        except BaseException:
            self.kill()
            raise

    def _submit(self, index: int, task: Any, function: Callable[[Any], Any]) -> None:
        # the status board identifies tasks by number, so numbers also increase from call to call
        number = self._num_submitted
        self._num_submitted += 1
        self._running[number] = index
        share = self._choose_share(self._nodes or [])
        try:
            self._connection.send(Submission(number, function, task, share, self._code))
        except ConnectionError:
            raise self._refused(_LOST) from None

    def _receive(self) -> Done | None:
        """Return the next completed task, or None after an update of nodes or statuses."""
        deadline_s = time.monotonic() + (_START_S if self._nodes is None else _NODES_S)
        while not self._connection.poll(1):
            if self._nodes is not None and self._count_slots():
                deadline_s = time.monotonic() + _NODES_S
            elif time.monotonic() > deadline_s:
                raise self._silent()
        try:
            message = self._connection.recv()
        except (EOFError, ConnectionError):
            raise self._refused(_LOST) from None
        if isinstance(message, Done):
            return message
        if isinstance(message, Failed):
            raise self._refused(message.reason)
        if isinstance(message, list):
            self._nodes = message
        elif self._watch:
            running = self._running.items()
            self._watch({i: message[number] for number, i in running if number in message})
        return None

    def _count_slots(self) -> int:
        if not self._nodes:
            return 0
        share = self._choose_share(self._nodes)
        return sum(node.count(share) for node in self._nodes)

    @property
    def _connection(self) -> Any:
        assert self._child, "the cluster must have been started"
        return self._child.connection

    def _unwrap(self, done: Done) -> Any:
        if isinstance(done.error, MemoryError):
            raise self._refused("a node ran out of memory")
        if done.error:
            raise done.error from RuntimeError(f"on a node:\n{done.trace}")
        return done.result

    def _silent(self) -> ClusterError:
        if self._nodes is None:
            return self._refused(f"no response within {_START_S:.0f} s")
        return self._refused(
            f"none within {_NODES_S:.0f} s among {len(self._nodes)} live nodes",
            f"a node with {self._choose_share(self._nodes)} for a task",
        )

    def _refused(
        self, reason: str, expected: str = "a Ray cluster that can run the tasks"
    ) -> ClusterError:
        address = self._options.address
        where = f" at address={address}" if address else ""
        return ClusterError(
            f"Expected {expected}{where}. Received: {reason}; finished work is kept; run again"
        )
