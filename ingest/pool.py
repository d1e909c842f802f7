"""Pool: one function over many tasks, in fresh processes that end with their parent."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any, TypeVar

from shared.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Crew:
    """Worker processes, fresh interpreters that end with this one; a context manager.

    Args:
        workers: how many.
        imports: the module that their tasks need, imported while they wait for the first.
    """

    def __init__(self, workers: int, imports: str):
        self._num_workers, self._imports = workers, imports
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, num_tasks: int | None = None) -> None:
        """Start the processes that so many tasks can use, if they are not running yet.

        They are not waited for.
        """
        wanted = self._num_workers if num_tasks is None else min(self._num_workers, num_tasks)
        with _signals_held():
            while len(self._workers) < wanted:
                self._workers.append(_Worker(self._imports, self._num_workers))

    def kill(self) -> None:
        """End the processes, also in the midst of a task."""
        for worker in self._workers:
            worker.process.kill()
        while self._workers:
            worker = self._workers.pop()
            worker.process.join()
            worker.connection.close()

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield each task's index with its result as it comes; if closed before, kill the crew.

        The crew must have been started.

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


@contextmanager
def _signals_held() -> Generator[None, None, None]:
    """Start processes that no Ctrl-C or SIGTERM reaches: this one alone decides when they end.

    What comes meanwhile comes after the block. Blocking is inherited, but does not keep a signal
    from this process while another of its threads can take it; so the handlers are put off too.
    """
    # starting the first process starts the tracker, which would let the signals through again
    resource_tracker.ensure_running()
    arrived: list[int] = []
    handlers = {stop: signal.signal(stop, lambda num, _: arrived.append(num)) for stop in _STOPS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for stop, handler in handlers.items():
            signal.signal(stop, handler)
        for num in arrived[:1]:
            signal.raise_signal(num)


class _Worker:
    """A process and the way to talk to it.

    Each has a pipe of its own, so that its death, even in the middle of a message, is always seen
    as the end of that pipe; a queue shared by processes can wait forever for the rest.
    """

    def __init__(self, imports: str, num_workers: int):
        # fresh interpreters: polars and OpenCV hold locks and threads that a fork would tear
        context = multiprocessing.get_context("spawn")
        self._num_workers = num_workers
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, imports))
        self.process.start()
        theirs.close()

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
    threading.Thread(target=_end_with_parent, daemon=True).start()
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


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
