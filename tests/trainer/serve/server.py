"""The page as a process of its own, and ways to ask it: urllib, curl-like forms, raw sockets."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.commands import PROJECT

MAX_VIEWS = 3
LIMITS = "header_s=3.0, idle_s=3.0, body_s=5.0, studies=2, decode_s=4.0"
"""Those of `trainer.serve.upload.limits`, short enough to be tested."""
BOUNDARY = "----boundary"
_COMMAND = f"""
from shared.command_line import parse
from shared.entry import run
from trainer.options import ServeOptions
from trainer.commands.serve import serve
def start(words):
    serve(parse(ServeOptions, words, "serve"), {LIMITS})
run(start, "serve", "the server has stopped")
"""


@dataclass(frozen=True)
class Served:
    """A page that is being served, and the port it listens on."""

    process: "subprocess.Popen[str]"
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def server(self) -> psutil.Process:
        """The server itself, also where a tracer has started it."""
        started = psutil.Process(self.process.pid)
        if "strace" in started.name():
            started = started.children()[0]
        return started

    @property
    def decoders(self) -> list[psutil.Process]:
        """The processes that decode uploads: one for each study that is decoded at a time."""
        children = self.server.children()
        return [child for child in children if "limited_child" in " ".join(child.cmdline())]


@contextmanager
def serving(
    run: Path, *words: str, before: Sequence[str] = (), **environment: str
) -> Generator[Served, None, None]:
    """Serve a run until the block ends; it is ready in the block."""
    command = [*before, sys.executable, "-c", _COMMAND, f"run={run}", "port=0"]
    process = subprocess.Popen(
        [*command, f"max_views={MAX_VIEWS}", "limit_mb=6", *words],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "MURA_TOKEN": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://[\w.]+:(\d+)", line)
        assert found, line or process.communicate()[1]
        served = Served(process, int(found[1]))
        _wait_until_ready(served)
        yield served
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.communicate()


def _wait_until_ready(served: Served) -> None:
    end_s = time.monotonic() + 120
    while ask(served, "GET", "/health").status != 200:
        assert time.monotonic() < end_s
        time.sleep(0.2)


@dataclass(frozen=True)
class Answer:
    """A response as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    served: Served,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Sequence[str] = (),
    host: str = "127.0.0.1",
) -> Answer:
    """Send one request as it is given, and return the response."""
    given = [f"Host: {host}", *headers] if host else list(headers)
    if body and not any(line.lower().startswith(("content-le", "transfer")) for line in given):
        given.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", *given))
    with connect(served) as connection:
        connection.sendall(head.encode() + b"\r\n" + body)
        return receive(connection)


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=120)


def receive(connection: socket.socket) -> Answer:
    """Read one response; a connection that is closed without one has status 0."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65_536)
        if not chunk:
            return Answer(0, {}, received)
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers.get("content-length", 1 << 40))
    while len(body) < length and (chunk := connection.recv(65_536)):
        body += chunk
    return Answer(int(first.split()[1]), headers, body)


def make_form(*files: tuple[str, bytes], name: str = "views") -> bytes:
    """Return the body of a form, its file names as they are given."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{label}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for label, content in files
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"


def predict(served: Served, *files: tuple[str, bytes], headers: Sequence[str] = ()) -> Answer:
    """Ask the API about the views of a study."""
    return ask(served, "POST", "/api/predict", make_form(*files), [FORM, *headers])


def explain(served: Served, *files: tuple[str, bytes], headers: Sequence[str] = ()) -> Answer:
    """Ask for the heat maps of the views of a study; the first answer waits for TensorFlow."""
    return ask(served, "POST", "/heat-maps", make_form(*files), [FORM, *headers])


@contextmanager
def decoding_is_stopped(served: Served) -> Generator[None, None, None]:
    """Stop the processes that decode, so that studies take as long as the block."""
    decoders = served.decoders
    for decoder in decoders:
        decoder.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for decoder in decoders:
            if decoder.is_running():
                decoder.send_signal(signal.SIGCONT)
