"""The queue of requests for one worker."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from starlette.requests import Request

from trainer.serve.upload.limits import Limits, Refusal
from trainer.serve.upload.uploads import Upload, read_uploads
from trainer.serve.worker import Worker

_Result = TypeVar("_Result")
_RETRY_AFTER_S = 2


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
