"""The uvicorn server with additional time limits for connections."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from trainer.serve.upload.limits import Limits

_SHUTDOWN_S = 1
_TIMEOUT_BODY = b'{"error": "The request took too long to arrive."}'
_TIMEOUT = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_TIMEOUT_BODY), _TIMEOUT_BODY)
)


class Server(uvicorn.Server):
    """A uvicorn server that prepares the application after it starts to listen.

    If `prepare` fails, the server stops, with the error as `failure`.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, prepare: Callable[[], Coroutine[Any, Any, None]]
    ):
        super().__init__(
            uvicorn.Config(
                app,
                http=_limited(limits),
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                # clients could forge X-Forwarded-For
                proxy_headers=False,
                timeout_graceful_shutdown=_SHUTDOWN_S,
                limit_concurrency=limits.connections,
            )
        )
        self._prepare = prepare
        self._preparing: asyncio.Task[None] | None = None
        self.failure: Exception | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and start the preparation."""
        await super().startup(sockets)
        self._preparing = asyncio.create_task(self._try_to_prepare())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, without error messages about interrupted requests."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        if self._preparing:
            self._preparing.cancel()
        await super().shutdown(sockets)

    async def _try_to_prepare(self) -> None:
        try:
            await self._prepare()
        except Exception as failure:
            self.failure, self.should_exit = failure, True


def _limited(limits: Limits) -> type[asyncio.Protocol]:
    class Limited(H11Protocol):
        _timers: tuple[asyncio.TimerHandle, ...] = ()

        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn's
            super().connection_made(transport)
            # uvicorn responds 503 beyond the limit; beyond twice the limit, close at once
            if len(self.connections) > 2 * limits.connections:
                transport.abort()
                return
            self._timers = (
                self.loop.call_later(limits.header_s, self._end_without_request),
                self.loop.call_later(limits.connection_s, transport.abort),
            )

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in self._timers:
                timer.cancel()
            super().connection_lost(exc)

        def _end_without_request(self) -> None:
            untyped: Any = self.cycle  # None before the first request
            if untyped is None and not self.transport.is_closing():
                self.transport.write(_TIMEOUT)
                self.transport.close()

    return Limited
