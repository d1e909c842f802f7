"""Pool: one function over many tasks, in fresh processes that end with their parent."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

import cv2

from shared.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_STOPS = (signal.SIGINT, signal.SIGTERM)


def map_in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[int, Result], None, None]:
    """Yield each task's index with its result as it comes.

    Close the generator to give the rest up: its processes are killed in the midst of their tasks.

    Args:
        function: importable by name, or a `functools.partial` of such.
        tasks: what it is called with, in this order.
        workers: processes at most.

    Raises:
        WorkerError: a process died or ran out of memory.
        Exception: what the function raised.
    """
    crew: list[_Worker[Task, Result]] = []
    running: dict[Any, tuple[_Worker[Task, Result], int]] = {}
    pending = iter(enumerate(tasks))

    def give_next(worker: _Worker[Task, Result]) -> None:
        for index, task in pending:
            running[worker.connection] = worker, index
            worker.give(task)
            break

    try:
        with _signals_held():
            for _ in range(min(workers, len(tasks))):
                crew.append(_Worker(function, workers))
        for worker in crew:
            give_next(worker)
        while running:
            for connection in wait(list(running)):
                worker, index = running.pop(connection)
                result = worker.take()
                give_next(worker)
                yield index, result
    finally:
        for worker in crew:
            worker.process.kill()
        for worker in crew:
            worker.process.join()
            worker.connection.close()


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


class _Worker(Generic[Task, Result]):
    """A process and the way to talk to it.

    Each has a pipe of its own, so that its death, even in the middle of a message, is always seen
    as the end of that pipe; a queue shared by processes can wait forever for the rest.
    """

    def __init__(self, function: Callable[[Task], Result], num_workers: int):
        # fresh interpreters: polars and OpenCV hold locks and threads that a fork would tear
        context = multiprocessing.get_context("spawn")
        self._num_workers = num_workers
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, function))
        self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        """Hand over a task; if the process is dead, `take` says so."""
        with suppress(ConnectionError):
            self.connection.send(task)

    def take(self) -> Result:
        """Return the result of the task.

        Raises:
            WorkerError: the process died or ran out of memory.
            Exception: what the function raised.
        """
        try:
            result, error, trace = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            raise WorkerError(self._explain(f"exit status {self.process.exitcode}")) from None
        if isinstance(error, MemoryError):
            raise WorkerError(self._explain("no memory left")) from None
        if error:
            raise error from RuntimeError(f"in a worker process:\n{trace}")
        return result

    def _explain(self, received: str) -> str:
        return (
            f"Expected enough memory for each worker. Received: {received}, "
            f"workers={self._num_workers}; finished work is kept, run again with fewer workers"
        )


def _work(connection: Any, function: Callable[[Any], Any]) -> None:
    """Do tasks as they come, in a process of its own, until the other end closes."""
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):
        while True:
            connection.send(_attempt(function, connection.recv()))


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
