"""Pool: one function over many tasks, in fresh processes that end with their parent."""

import signal
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from typing import Any, TypeVar

from shared.errors import WorkerError
from shared.processes.child import Child, signals_are_held

Task = TypeVar("Task")
Result = TypeVar("Result")


class Pool:
    """The executor of this machine: worker processes that end with this one; a context manager.

    Args:
        workers: how many.
        imports: the module that their tasks need, imported while they wait for the first.
    """

    is_remote = False

    def __init__(self, workers: int, imports: str):
        self._num_workers, self._imports = workers, imports
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, num_tasks: int | None = None) -> None:
        """Start the processes that so many tasks can use, if they are not running yet.

        They are not waited for.
        """
        wanted = self._num_workers if num_tasks is None else min(self._num_workers, num_tasks)
        with signals_are_held():
            while len(self._workers) < wanted:
                self._workers.append(_Worker(self._imports, self._num_workers))

    def kill(self) -> None:
        """End the processes, also in the midst of a task."""
        for worker in self._workers:
            worker.process.kill()
        while self._workers:
            self._workers.pop().kill()

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
            Exception: what the function raised.
        """
        running: dict[Any, tuple[_Worker, int]] = {}
        pending = iter(enumerate(tasks))

        def give_next(worker: _Worker) -> None:
            for index, task in pending:
                running[worker.connection] = worker, index
                worker.give((function, task))
                break

        try:
            for worker in self._workers:
                give_next(worker)
            while running:
                for connection in wait(list(running)):
                    worker, index = running.pop(connection)
                    result = worker.take()
                    give_next(worker)
                    yield index, result
        except BaseException:
            self.kill()
            raise


class _Worker(Child):
    """A process that does tasks as they come."""

    def __init__(self, imports: str, num_workers: int):
        super().__init__(_work, imports)
        self._num_workers = num_workers

    def give(self, task: tuple[Callable[[Any], Any], Any]) -> None:
        """Hand over a function and what to call it with; if the process is dead, `take` says so."""
        with suppress(ConnectionError):
            self.connection.send(task)

    def take(self) -> Any:
        """Return the result of the task.

        Raises:
            WorkerError: the process died or ran out of memory.
            Exception: what the function raised.
        """
        try:
            result, error, trace = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            status = self.process.exitcode
            expected = "memory" if status == -signal.SIGKILL else "a live process"
            raise WorkerError(self._explain(expected, f"exit status {status}")) from None
        if isinstance(error, MemoryError):
            raise WorkerError(self._explain("memory", "no memory left")) from None
        if error:
            raise error from RuntimeError(f"in a worker process:\n{trace}")
        return result

    def _explain(self, expected: str, received: str) -> str:
        return (
            f"Expected {expected} for each worker. Received: {received}, "
            f"workers={self._num_workers}; finished work is kept, run again with fewer workers"
        )


def _work(connection: Any, imports: str) -> None:
    """Do tasks as they come, in a process of its own, until the other end closes."""
    import_module(imports)
    # here and not above, for the process that starts workers needs no OpenCV
    import cv2

    cv2.setNumThreads(1)
    with suppress(EOFError, ConnectionError):
        while True:
            function, task = connection.recv()
            connection.send(_attempt(function, task))


def _attempt(function: Callable[[Any], Any], task: Any) -> tuple[Any, Exception | None, str]:
    try:
        return function(task), None, ""
    except Exception as error:
        return None, error, traceback.format_exc()
