"""Checks of request headers, and security headers of responses."""

import hmac
import re

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainer.hosts import host_name, is_loopback, is_own_name
from trainer.serve.upload.limits import Refusal

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "cache-control": "no-store",
    # one request per connection, so no data can follow a refused body
    "connection": "close",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# browsers do not send the URL fragment with the token; none of these paths returns model data
_WITHOUT_TOKEN = frozenset({"/", "/page.css", "/page.js", "/health"})
_DRAIN_S = 1
# int() would also accept signs, spaces and underscores; 18 digits fit in 64 bits
_LENGTH = re.compile(r"\d{1,18}")


class Guard:
    """ASGI middleware that checks request headers before any byte of the body is read.

    `host` is the address of the server; `token` is the required bearer token, empty for none.
    """

    def __init__(self, app: ASGIApp, host: str, token: str):
        self._app, self._host = app, host
        self._expected = f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it to the application."""
        if scope["type"] != "http":
            return
        exchange = _Exchange(receive, send)
        try:
            self._check(scope)
        except Refusal as refusal:
            await refusal_response(refusal)(scope, exchange.receive, exchange.send)
        else:
            await self._app(scope, exchange.receive, exchange.send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        lengths = headers.getlist("content-length")
        if "transfer-encoding" in headers and lengths:
            raise Refusal(400, "Expected Content-Length or Transfer-Encoding, not both.")
        if not all(_LENGTH.fullmatch(length) for length in lengths):
            raise Refusal(400, "Expected Content-Length to be a decimal number.")
        self._check_host(headers)
        _check_origin(headers)
        self._check_token(scope["path"], headers)

    def _check_host(self, headers: Headers) -> None:
        """Refuse other host names (DNS rebinding), unless a token protects a public address."""
        if self._expected and not is_loopback(self._host):
            return
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_own_name(host_name(hosts[0]), self._host):
            raise Refusal(421, "Expected the address of this server as Host, such as 127.0.0.1.")

    def _check_token(self, path: str, headers: Headers) -> None:
        if not self._expected or path in _WITHOUT_TOKEN:
            return
        received = headers.get("authorization", "").encode("latin-1")
        # constant time, so response times do not reveal the token
        if not hmac.compare_digest(received, self._expected):
            raise Refusal(401, "Expected a valid bearer token.", {"www-authenticate": "Bearer"})


def _check_origin(headers: Headers) -> None:
    """Refuse requests from pages of other origins, including other ports of this machine."""
    sites = headers.getlist("sec-fetch-site")
    if any(site not in ("same-origin", "none") for site in sites):
        raise Refusal(403, "Requests from other sites are not allowed; open the page by its URL.")
    own_origins = {f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https")}
    if any(origin not in own_origins for origin in headers.getlist("origin")):
        raise Refusal(403, "Requests from other origins are not allowed.")


def refusal_response(refusal: HTTPException) -> JSONResponse:
    """Return the JSON response to a refused request, with a message as `error`."""
    return JSONResponse({"error": refusal.detail}, refusal.status_code, refusal.headers)


class _Exchange:
    """Relays messages, adds headers to responses, and drains refused uploads."""

    def __init__(self, receive: Receive, send: Send):
        self._receive, self._send = receive, send
        self._is_read = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_read = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        elif not message.get("more_body") and not self._is_read:
            # closing a connection with unread bytes resets it, and the client may lose the
            # response, so the rest of the body is received and discarded for up to a second
            await self._send({**message, "more_body": True})
            with anyio.move_on_after(_DRAIN_S):
                while not self._is_read:
                    await self.receive()
            message = {"type": "http.response.body"}
        await self._send(message)
