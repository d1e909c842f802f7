"""A pool of worker processes that end with their parent."""

import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from typing import Any, TypeVar

from shared.errors import WorkerError
from shared.processes.child import Child, signals_are_held
from shared.processes.memory import keep_freed_memory

Task = TypeVar("Task")
Result = TypeVar("Result")

# exit status after SIGKILL, as from the out-of-memory killer of Linux
_KILLED = -9


class Pool:
    """The local executor: worker processes that end with this process; a context manager.

    Args:
        imports: module that the tasks need; each process imports it before its first task.
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
        """Start the processes needed for `num_tasks` tasks, or all, without waiting for them."""
        num_wanted = self._num_workers if num_tasks is None else min(self._num_workers, num_tasks)
        with signals_are_held():
            while len(self._workers) < num_wanted:
                self._workers.append(_Worker(self._imports, self._num_workers))

    def kill(self) -> None:
        """Kill the processes, including those with a running task."""
        for worker in self._workers:
            worker.process.kill()
        while self._workers:
            self._workers.pop().kill()

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield each task's index and result in order of completion; on early close, kill the pool.

        Args:
            function: importable by name, or a `functools.partial` of such a function.
            tasks: arguments of the calls, consumed lazily and in order.

        Raises:
            WorkerError: a process died or ran out of memory.
            Exception: any exception of the function.
        """
        running: dict[Any, tuple[_Worker, int]] = {}
        pending = iter(enumerate(tasks))

        def send_next(worker: _Worker) -> None:
            for index, task in pending:
                running[worker.connection] = worker, index
                worker.send((function, task))
                break

        try:
            for worker in self._workers:
                send_next(worker)
            while running:
                for connection in wait(list(running)):
                    worker, index = running.pop(connection)
                    result = worker.receive()
                    send_next(worker)
                    yield index, result
        except BaseException:
            self.kill()
            raise


class _Worker(Child):
    """A process that runs one task at a time."""

    def __init__(self, imports: str, num_workers: int):
        super().__init__(_run_tasks, imports)
        self._num_workers = num_workers

    def send(self, task: tuple[Callable[[Any], Any], Any]) -> None:
        # if the process is dead, `receive` raises the error
        with suppress(ConnectionError):
            self.connection.send(task)

    def receive(self) -> Any:
        try:
            result, error, trace = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            status = self.process.exitcode
            expected = "memory" if status == _KILLED else "a live process"
            raise WorkerError(self._explain(expected, f"exit status {status}")) from None
        if isinstance(error, MemoryError):
            raise WorkerError(self._explain("memory", "out of memory")) from None
        if error:
            raise error from RuntimeError(f"in a worker process:\n{trace}")
        return result

    def _explain(self, expected: str, received: str) -> str:
        return (
            f"Expected {expected} for each worker. Received: {received}, "
            f"workers={self._num_workers}; finished work is kept; run again with fewer workers"
        )


def _run_tasks(connection: Any, imports: str) -> None:
    import_module(imports)
    # imported here because the parent process does not need OpenCV
    import cv2

    # by default there is one worker a processor, so OpenCV's own threads would only compete
    cv2.setNumThreads(1)
    keep_freed_memory()
    with suppress(EOFError, ConnectionError):
        while True:
            function, task = connection.recv()
            connection.send(_run_task(function, task))


def _run_task(function: Callable[[Any], Any], task: Any) -> tuple[Any, Exception | None, str]:
    try:
        return function(task), None, ""
    except Exception as error:
        # a traceback object cannot be pickled, so its text is sent
        return None, error, traceback.format_exc()
