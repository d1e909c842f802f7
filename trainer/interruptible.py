"""Interruptible calls of long-running C++ code."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Result = TypeVar("Result")

_POLL_S = 0.1


def interruptible(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread, so that Ctrl-C and SIGTERM interrupt the call at once.

    The thread runs until the process ends, so `work` must not write anything.

    Raises:
        BaseException: any exception of `work`.
    """
    # Python handles signals only in the main thread, between bytecode instructions, which C++ code
    # can delay for seconds; waiting for a thread can be interrupted at any time
    if threading.current_thread() is not threading.main_thread():
        return work()
    done: Future[Result] = Future()
    threading.Thread(target=_do, args=(work, done), daemon=True).start()
    # polls, because polars handles SIGINT so that a wait without a timeout would continue
    while not wait([done], _POLL_S).done:
        pass
    return done.result()


def _do(work: Callable[[], Result], done: "Future[Result]") -> None:
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_exception(error)
