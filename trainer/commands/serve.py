"""Serve a saved run as a web page and an HTTP API."""

import socket
from importlib.util import find_spec

from shared.console import say
from shared.errors import ServeError
from trainer.options import ServeOptions
from trainer.runs.saved.open import open_saved_run

# import names of the packages in the `serve` extra
_PACKAGES = ("starlette", "uvicorn", "python_multipart", "markdown_it")


def serve(options: ServeOptions, **limits: float) -> None:
    """Serve predictions until interrupted; `limits` replace defaults of `Limits`.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ServeError(
            f"Expected the optional package {missing[0]}: pip install 'mura-lake[serve]'. "
            "Received: it is not installed"
        )
    saved_run = open_saved_run(options.run)
    with _bind(options) as listener:
        # late, as these modules import the packages of the extra
        from trainer.serve.app import Services, build_app
        from trainer.serve.heat_maps import HeatMaps
        from trainer.serve.server import Server
        from trainer.serve.study import StudyPredictor
        from trainer.serve.upload.decoding import ViewDecoder
        from trainer.serve.upload.limits import MEGABYTE, Limits
        from trainer.serve.worker import Worker

        bounds = Limits(options.max_views, options.limit_mb * MEGABYTE, **limits)  # pyright: ignore[reportArgumentType]  # counts are numbers too
        decoder = ViewDecoder(saved_run.image, bounds.decode_s)
        services = Services(
            StudyPredictor(saved_run, decoder, options),
            HeatMaps(saved_run, decoder),
            Worker(),
            Worker(),
        )
        server = Server(build_app(services, options, bounds), bounds, services.start)
        say(f"serving {saved_run.folder} at {_url(options, listener)} (press Ctrl-C to stop)")
        try:
            # uvicorn re-raises the signal that stopped it
            server.run(sockets=[listener])
        finally:
            decoder.close()
    if server.failure:
        raise server.failure


def _bind(options: ServeOptions) -> socket.socket:
    try:
        # finds the family of the address: IPv4 or IPv6
        addresses = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = addresses[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # allow a restart while closed connections are still in TIME_WAIT
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # listen now: a second server on this port fails here, not after loading its model
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServeError(
            "Expected an address of this machine and a free port; port=0 selects one. "
            f"Received: host={options.host} port={options.port}: {error.strerror}"
        ) from None
    return listener


def _url(options: ServeOptions, listener: socket.socket) -> str:
    # a URL needs brackets around an IPv6 address
    name = f"[{options.host}]" if ":" in options.host else options.host
    # browsers do not send the fragment, so the token stays out of access logs
    token = "/#token=TOKEN" if options.bearer_token else ""
    return f"http://{name}:{listener.getsockname()[1]}{token}"
