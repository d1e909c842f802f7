"""A process that has imported TensorFlow, and forks a child for each command.

The import takes 3 s or more of a core, and a run of the small models of tests takes 2 s. All
processes of the tests share it. `warm` turns a command into another, which has it carried out by
such a child and passes on its arguments, folder, environment, streams, signals and status.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
ADDRESS = "MURA_WARM_PROCESS"
"""The environment variable with the path of the socket."""

_PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def serve(owner: int) -> None:
    """Fork a child for each request until the process `owner` has ended."""
    _import()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.environ[ADDRESS])
    listener.listen(64)
    print("ready", flush=True)
    while Path(f"/proc/{owner}").exists():
        if select.select([listener], [], [], 0.5)[0]:
            request, _ = listener.accept()
            if not os.fork():
                listener.close()
                _attend(request)
            request.close()
        _reap()


def _import() -> None:
    """Import packages that take long. Not polars: its threads do not survive a fork."""
    from trainer.keras_import import import_keras

    import_keras()
    import cv2
    import matplotlib.figure
    import rich.console
    import sklearn.linear_model

    del cv2, matplotlib, rich, sklearn


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _attend(request: socket.socket) -> None:
    """Fork a child that carries out one request; send its number and its status."""
    size, streams, *_ = socket.recv_fds(request, 8, 3)
    text = request.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    command, folder, environment = json.loads(text)
    if not (child := os.fork()):
        request.close()
        _become(command, folder, environment, streams)
    for stream in streams:
        os.close(stream)
    request.sendall(child.to_bytes(8, "big"))
    ended = os.pidfd_open(child)
    if request in select.select([request, ended], [], [])[0]:
        # whoever asked has been killed
        os.killpg(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        request.sendall(status.to_bytes(8, "big", signed=True))
    finally:
        os._exit(0)


def _become(
    command: list[str], folder: str, environment: dict[str, str], streams: list[int]
) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    program, *words = command
    if words[:1] == ["-c"]:
        sys.argv = words[:1] + words[2:]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        from importlib.metadata import entry_points

        sys.argv = command
        (script,) = entry_points(group="console_scripts", name=Path(program).name)
        script.load()()
    sys.exit()


def ask(command: list[str]) -> None:
    """Have a command carried out, and end as it ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ[ADDRESS])
    text = json.dumps([command, str(Path.cwd()), dict(os.environ)]).encode()
    socket.send_fds(connection, [len(text).to_bytes(8, "big")], [0, 1, 2])
    connection.sendall(text)
    child = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    status = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big", signed=True)
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        ask(sys.argv[2:])
