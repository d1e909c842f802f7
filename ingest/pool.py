"""Pool: one function over many tasks, in fresh processes that end with their parent."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import TypeVar

import cv2

from shared.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")


class StoppedError(Exception):
    """The run is being given up; nobody waits for this task."""


def map_in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[int, Result], None, None]:
    """Yield each task's index with its result as it comes; close the generator to give up.

    Args:
        function: importable by name, or a `functools.partial` of such; calls `check_stop` often.
        tasks: what it is called with, in this order.
        workers: processes at most.

    Raises:
        WorkerError: a process died.
        Exception: what the function raised.
    """
    # fresh interpreters: polars and OpenCV hold locks and threads that a fork would tear
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    num_processes = max(1, min(workers, len(tasks)))
    with ProcessPoolExecutor(num_processes, context, _set_up_worker, (stop,)) as pool:
        try:
            # a blocked signal is inherited, so that Ctrl-C reaches this process alone, after this
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                running = {pool.submit(function, task): i for i, task in enumerate(tasks)}
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            for future in as_completed(running):
                yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise WorkerError(
                "A worker process died, perhaps for want of memory. "
                f"Run again, with fewer than workers={workers} if it happens again"
            ) from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


# a spawned process can be handed its stop event only while it starts
_stop: Event | None = None


def _set_up_worker(stop: Event) -> None:
    """Prepare a worker process: one thread for OpenCV, and an end with its parent."""
    global _stop
    _stop = stop
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def check_stop() -> None:
    """Return, or give the task up if nobody waits for it any more.

    Raises:
        StoppedError: nobody does.
    """
    if _stop and _stop.is_set():
        raise StoppedError
