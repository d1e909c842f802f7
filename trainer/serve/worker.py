"""A single worker thread that does not block the exit of the process."""

import asyncio
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Worker:
    """Runs calls one after another in a daemon thread."""

    # not an executor of the standard library, because those wait for their threads at exit
    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        Thread(target=self._work, daemon=True).start()

    async def run(self, function: Callable[..., _Result], *args: Any) -> _Result:
        """Call a function in the thread and return its result, or raise its error."""
        future: Future[_Result] = Future()
        self._calls.put((future, partial(function, *args)))
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        if sys.platform != "win32":
            # child processes inherit this mask, so only the server handles Ctrl-C
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
            # release the study's data before the wait for the next call
            del future, call
