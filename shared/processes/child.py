"""Spawned child process that ends with its parent and does not receive Ctrl-C or SIGTERM."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Child:
    """A child process and its connection; create it inside `signals_are_held`.

    Args:
        target: importable by name; called in the child with its end of the pipe, then `args`.
    """

    def __init__(self, target: Callable[..., None], *args: Any):
        # spawn, because polars and OpenCV hold locks and threads that a fork would leave
        # inconsistent
        context = multiprocessing.get_context("spawn")
        # a pipe of its own: the child's death, even in the middle of a message, closes it and is
        # detected, whereas a reader of a shared queue could wait forever for the rest of a message
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_run, args=(target, theirs, *args))
        self.process.start()
        theirs.close()

    def kill(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()


@contextmanager
def signals_are_held() -> Generator[None, None, None]:
    """Start processes with SIGINT and SIGTERM blocked, so that only this process ends them."""
    if sys.platform != "win32":
        # starting the first process also starts the resource tracker, which unblocks the signals
        resource_tracker.ensure_running()
    # children inherit the signal mask, but in this process another thread can still receive the
    # signal, so the handlers are replaced too
    arrived: list[int] = []
    handlers = {stop: signal.signal(stop, lambda num, _: arrived.append(num)) for stop in _STOPS}
    try:
        if sys.platform == "win32":
            yield  # it has no signal mask
        else:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        for stop, handler in handlers.items():
            signal.signal(stop, handler)
        for num in arrived[:1]:
            signal.raise_signal(num)


def let_signals_through() -> None:
    """Detach from the terminal that sends Ctrl-C, and unblock the signals for child processes."""
    if sys.platform == "win32":
        return  # it has neither sessions nor a signal mask
    os.setsid()
    handlers = {stop: signal.signal(stop, signal.SIG_IGN) for stop in _STOPS}
    # pending signals are discarded, because they are ignored while they are unblocked
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    for stop, handler in handlers.items():
        signal.signal(stop, handler)


def _run(target: Callable[..., None], connection: Any, *args: Any) -> None:
    if sys.platform == "win32":
        # no signal mask is inherited there, and Ctrl-C reaches all processes of the console
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    target(connection, *args)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
