"""Child: a fresh process that ends with this one, and that no Ctrl-C or SIGTERM reaches."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Child:
    """A process and the way to talk to it; to be made while `signals_are_held`.

    Each has a pipe of its own, so that its death, even in the middle of a message, is always seen
    as the end of that pipe; a queue shared by processes can wait forever for the rest.

    Args:
        target: importable by name; called in the process with its end of the pipe, then `args`.
        args: what else it is called with.
    """

    def __init__(self, target: Callable[..., None], *args: Any):
        # fresh interpreters: polars and OpenCV hold locks and threads that a fork would tear
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_run, args=(target, theirs, *args))
        self.process.start()
        theirs.close()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.connection.close()


@contextmanager
def signals_are_held() -> Generator[None, None, None]:
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


def let_signals_through() -> None:
    """Leave the terminal that sends Ctrl-C, and let what this process starts be terminated."""
    os.setsid()
    handlers = {stop: signal.signal(stop, signal.SIG_IGN) for stop in _STOPS}
    # what came until now goes
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    for stop, handler in handlers.items():
        signal.signal(stop, handler)


def _run(target: Callable[..., None], connection: Any, *args: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    target(connection, *args)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
