"""A worker thread that does not block the exit of the process, and its queue of studies."""

import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from starlette.requests import Request

from trainer.serve.upload.limits import Limits, Refusal
from trainer.serve.upload.uploads import Upload, read_uploads

_Result = TypeVar("_Result")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_RETRY_AFTER_S = 2


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


class StudyQueue:
    """Processes one study at a time; a few more may wait, further ones receive status 429."""

    def __init__(self, worker: Worker, limits: Limits):
        self._worker, self._limits = worker, limits
        self._free_slots = limits.studies
        self._lock = asyncio.Lock()

    async def process(
        self, request: Request, function: Callable[[list[Upload]], _Result]
    ) -> _Result:
        """Call a function with the views of a request in the worker, or raise `Refusal`."""
        with self._reserve_slot():
            uploads = await read_uploads(request, self._limits)
            async with self._lock:
                # nobody waits for the result of a study that waited too long
                if await request.is_disconnected():
                    raise Refusal(400, "The connection was closed.")
                return await self._worker.run(function, uploads)

    @contextmanager
    def _reserve_slot(self) -> Generator[None, None, None]:
        if not self._free_slots:
            headers = {"retry-after": str(_RETRY_AFTER_S)}
            raise Refusal(429, "The server is busy with other studies; try again later.", headers)
        # no lock: there is no await between the check and this line
        self._free_slots -= 1
        try:
            yield
        finally:
            self._free_slots += 1
