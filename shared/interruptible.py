"""Interruptible: work in C++ that Ctrl-C and SIGTERM end at once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Result = TypeVar("Result")

_LOOK_S = 0.1


def interruptible(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, done in a thread of its own.

    Python answers signals in the main thread alone, and only between two of its instructions; C++
    may not come back to those for seconds. Waiting for a thread can be interrupted
    at any time; what then still works there ends with the process, so it must write nothing.

    Raises:
        BaseException: what the work raised.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    done: Future[Result] = Future()
    threading.Thread(target=_do, args=(work, done), daemon=True).start()
    # polars takes SIGINT in a way that lets a wait without a limit go on
    while not wait([done], _LOOK_S).done:
        pass
    return done.result()


def _do(work: Callable[[], Result], done: "Future[Result]") -> None:
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_exception(error)
