"""Private: what the page may load, and who may ask for it."""

import ipaddress
import re
from typing import Any

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "; ".join(
    (
        "default-src 'self'",
        # gradio starts itself by inline scripts, and makes its templates by Function
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "font-src 'self' data:",
        "connect-src 'self' blob: data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_ABOUT_GRADIO = re.compile(rb"<meta\s[^>]*(?:og|twitter):[^>]*>\s*|<link\s[^>]*https?://[^>]*>\s*")


def is_loopback(host: str) -> bool:
    """Return whether an address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Private:
    """ASGI middleware that keeps a page to itself.

    A browser that heeds the Content-Security-Policy (W3C, CSP level 3) asks no other host for
    anything, whatever gradio's own scripts would like to load; tags of the page that name other
    hosts are cut out. A page on loopback answers to loopback's names only, so that no foreign page
    reaches it through a name of its own that leads here (DNS rebinding).

    Args:
        app: what is kept.
        host: that it listens on.
    """

    def __init__(self, app: ASGIApp, host: str):
        self._app, self._is_local = app, is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_local and not is_loopback(URL(scope=scope).hostname or ""):
            await PlainTextResponse("Ask for this page by 127.0.0.1.", 421)(scope, receive, send)
        else:
            await self._app(scope, receive, _Cleaner(send))


class _Cleaner:
    """Sends on what an application answers, its pages without foreign hosts."""

    def __init__(self, send: Send):
        self._send = send
        self._start: dict[str, Any] = {}
        self._page = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
            if Headers(scope=message).get("content-type", "").startswith("text/html"):
                self._start = dict(message)
                return
        elif self._start:
            self._page += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_page()
            return
        await self._send(message)

    async def _send_page(self) -> None:
        page = _ABOUT_GRADIO.sub(b"", self._page)
        MutableHeaders(scope=self._start)["content-length"] = str(len(page))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": page})
