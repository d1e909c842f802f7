"""A real S3 server process on loopback, behind a proxy that injects the faults of a network."""

import http.client
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from tests.commands import SCRIPTS

Kind = Literal["status", "slow", "cut", "truncate"]

KEY, SECRET = "key", "secret"
_SIGNED = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=unchecked"
}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Fault:
    """What happens to the next requests that match.

    Attributes:
        kind: `status` answers with it; `slow` waits before answering; `cut` ends the connection in
            the middle of the body; `truncate` gives half a body as if it were whole.
        method: of the request.
        path: regular expression, searched in path and query.
        times: how many requests it happens to.
        status: for `status`.
        seconds: for `slow`.
        hits: how many requests it has happened to.
    """

    kind: Kind
    method: str = "GET"
    path: str = ""
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    hits: int = 0


@dataclass
class Proxy:
    """Stands between the commands and the server.

    Attributes:
        port: that it listens on.
        faults: to happen; the first one that matches and is not used up does.
        requests: method and path of each so far.
    """

    port: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])
    requests: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def bucket(self) -> str:
        return f"bucket-{self.port}"

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    def put(self, name: str, data: bytes) -> None:
        """Store an object of the bucket."""
        assert _request(self.port, "PUT", f"/{self.bucket}/{name}", data)[0].status == 200

    def upload(self, folder: Path, name: str) -> None:
        """Store all files of a folder below a name."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def take(self, method: str, quoted_path: str) -> Fault | None:
        path = unquote(quoted_path)
        self.requests.append((method, path))
        for fault in self.faults:
            matches = fault.method == method and re.search(fault.path, path)
            if matches and fault.hits < fault.times:
                fault.hits += 1
                return fault
        return None

    def refuse(self, status: int, times: int = 10_000) -> None:
        """Answer every request with a status from now on."""
        self.faults = [
            Fault("status", method, times=times, status=status)
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE")
        ]

    def count(self, method: str, path: str = "") -> int:
        """Return how many requests so far were of a method and have `path` in theirs."""
        return sum(m == method and path in p for m, p in self.requests)


def _handler(proxy: Proxy, server_port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            pass

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = proxy.take(self.command, self.path)
            if fault and fault.kind == "slow":
                time.sleep(fault.seconds)
            if fault and fault.kind == "status":
                self._send(fault.status, {}, b"")
                return
            answer, data = _request(
                server_port, self.command, self.path, body, dict(self.headers.items())
            )
            length = int(answer.headers.get("Content-Length", len(data)))
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            if fault and fault.kind == "truncate":
                data, length = data[: len(data) // 2], len(data) // 2
            is_cut = fault is not None and fault.kind == "cut"
            self._send(answer.status, kept, data[: len(data) // 2] if is_cut else data, length)
            if is_cut:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

        def _send(
            self, status: int, headers: Mapping[str, str], body: bytes, length: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815  # their names there

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        # a client that gives up waiting is no fault of the proxy
        pass


@contextmanager
def proxy_to(server_port: int) -> Generator[Proxy, None, None]:
    """Run a proxy before the server at a port of this host."""
    proxy = Proxy()
    server = _Server(("127.0.0.1", 0), _handler(proxy, server_port))
    proxy.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def s3_server() -> Generator[int, None, None]:
    """Run an S3 server as a process of its own; yield its port.

    It keeps its objects in memory and does not look at signatures.
    """
    port = _free_port()
    with _running(port, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)):
        yield port


@contextmanager
def strict_s3_server(folder: Path) -> Generator[str, None, None]:
    """Run an S3 server as a process of its own; yield its endpoint.

    It keeps its objects in a folder, whose folders are the buckets, answers only to what `KEY` and
    `SECRET` have signed, and takes no data of unknown length.
    """
    port = _free_port()
    options = (f"--addr=127.0.0.1:{port}", f"--auth-key={KEY},{SECRET}", "--config=")
    with _running(port, str(SCRIPTS / "rclone"), "serve", "s3", str(folder), *options):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def google_server() -> Generator[int, None, None]:
    """Run an emulator of Google Cloud Storage as a process of its own; yield its port.

    It has an empty bucket `bucket`, and answers to one request after the other, so that who reads
    an answer in parts needs a proxy before it.
    """
    port = _free_port()
    options = ("--in-memory", "--default-bucket=bucket", "--host=127.0.0.1", f"--port={port}")
    with _running(port, str(SCRIPTS / "gcp-storage-emulator"), "start", *options):
        yield port


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def _running(port: int, *command: str) -> Generator[None, None, None]:
    """Run a server as a process; it listens on the port within the block."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()


def make_bucket(port: int, name: str) -> None:
    assert _request(port, "PUT", f"/{name}")[0].status == 200


def _request(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _SIGNED
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request(method, path, body, headers)
        with closing(connection.getresponse()) as answer:
            return answer, answer.read()


def client_environment(endpoint: str) -> dict[str, str]:
    """Return what every S3 client needs to find the server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
