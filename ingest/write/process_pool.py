"""A pool of worker processes that end with their parent."""

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

# exit status after SIGKILL, as from the out-of-memory killer of Linux
_KILLED = -9
# just below the largest block that raises glibc's threshold (malloc/malloc.c)
_MOST_MAPPED_BYTES = 32 * 1024 * 1024 - 8192


class Pool:
    """The local executor: worker processes that end with this process; a context manager.

    Args:
        imports: module that the tasks need; each process imports it before its first task.
    """

    is_remote = False

    def __init__(self, workers: int, imports: str):
        self._num_workers, self._imports = workers, imports
        self._workers: list[Child] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, num_tasks: int | None = None) -> None:
        """Start the processes needed for `num_tasks` tasks, or all, without waiting for them."""
        num_wanted = self._num_workers if num_tasks is None else min(self._num_workers, num_tasks)
        with signals_are_held():
            while len(self._workers) < num_wanted:
                self._workers.append(Child(_run_tasks, self._imports))

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
        running: dict[Any, tuple[Child, int]] = {}
        pending = iter(enumerate(tasks))

        def send_next(worker: Child) -> None:
            for index, task in pending:
                running[worker.connection] = worker, index
                # if the process is dead, `_receive` raises the error
                with suppress(ConnectionError):
                    worker.connection.send((function, task))
                break

        try:
            for worker in self._workers:
                send_next(worker)
            while running:
                for connection in wait(list(running)):
                    worker, index = running.pop(connection)
                    result = self._receive(worker)
                    send_next(worker)
                    yield index, result
        except BaseException:
            self.kill()
            raise

    def _receive(self, worker: Child) -> Any:
        try:
            result, error, trace = worker.connection.recv()
        except (EOFError, ConnectionError):
            worker.process.join()
            status = worker.process.exitcode
            expected = "memory" if status == _KILLED else "a live process"
            raise self._explain(expected, f"exit status {status}") from None
        if isinstance(error, MemoryError):
            raise self._explain("memory", "out of memory") from None
        if error:
            raise error from RuntimeError(f"in a worker process:\n{trace}")
        return result

    def _explain(self, expected: str, received: str) -> WorkerError:
        return WorkerError(
            f"Expected {expected} for each worker. Received: {received}, "
            f"workers={self._num_workers}; finished work is kept; run again with fewer workers"
        )


def _run_tasks(connection: Any, imports: str) -> None:
    import_module(imports)
    # imported here because the parent process does not need OpenCV
    import cv2

    # by default there is one worker a processor, so OpenCV's own threads would only compete
    cv2.setNumThreads(1)
    # By default glibc maps each block of 128 KiB or more anew, and the kernel clears its pages: a
    # quarter of the time to decode a radiograph. Freeing a mapped block raises that threshold to
    # its size, and keeps twice as much free memory (mallopt(3), M_MMAP_THRESHOLD). The block is
    # never touched, so it takes no memory. Other allocators are not affected.
    bytes(_MOST_MAPPED_BYTES)
    with suppress(EOFError, ConnectionError):
        while True:
            function, task = connection.recv()
            try:
                outcome = function(task), None, ""
            except Exception as error:
                # a traceback object cannot be pickled, so its text is sent
                outcome = None, error, traceback.format_exc()
            connection.send(outcome)
