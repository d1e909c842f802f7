"""The serve command: from a run to a page that answers until it is interrupted."""

import os
import socket
import tempfile
from importlib.util import find_spec
from pathlib import Path

from shared.console import note, say
from shared.errors import ServeError
from trainer.keras_import import import_keras
from trainer.options import ServeOptions
from trainer.runs.saved_run import open_saved_run
from trainer.serve.uploads import sweeping

_GRADIO_OFF = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
_LAST_ANSWERS_S = 1


def serve(options: ServeOptions) -> None:
    """Answer on a web page until interrupted.

    Raises:
        ServeError: gradio is not installed, or the address cannot be listened on.
        TrainingError: there is no such run.
        KeyboardInterrupt: Ctrl-C came.
    """
    if not _is_installed("gradio"):
        raise ServeError(
            "Expected the optional package gradio: pip install 'mura-lake[serve]'. Received: none"
        )
    kept = open_saved_run(options.run)
    # bound before TensorFlow's seconds of starting, held until the page is ready
    with _bind(options) as listener, tempfile.TemporaryDirectory(prefix="mura-serve-") as uploads:
        os.environ.update(_GRADIO_OFF, GRADIO_TEMP_DIR=uploads)
        note("starting TensorFlow")
        import_keras()

        import uvicorn

        from trainer.serve.app import build_app
        from trainer.serve.server import Server
        from trainer.serve.study import Reader

        reader = Reader(kept, kept.load_model())
        reader.warm_up()
        app = build_app(reader, options, Path(uploads))
        config = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=_LAST_ANSWERS_S, server_header=False
        )
        say(f"{kept.folder} answers at {_url(options.host, listener)} (Ctrl-C ends it)")
        with sweeping(Path(uploads)):
            # it raises again the signal that ended it
            Server(config).run(sockets=[listener])


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:
        # of a package that was barred from being imported
        return False


def _bind(options: ServeOptions) -> socket.socket:
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # so that a second page is refused at once, not after it has started
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServeError(
            f"Expected an address of this machine and a free port; port=0 takes any. "
            f"Received: host={options.host} port={options.port}: {error.strerror}"
        ) from None
    return listener


def _url(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
