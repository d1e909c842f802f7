"""Decoder: uploaded bytes become pixels in a process of its own, bounded in time and memory."""

import resource
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection

import numpy as np
import psutil

from shared.child import Child
from shared.errors import ImageError
from shared.image import Pixels
from shared.image_spec import ImageSpec

_IS_PIXELS, _IS_REASON = b"\x00", b"\x01"
_START_S = 60
_MEMORY_BYTES = 4 * 1024**3
"""For decoding; the largest picture that is read, 64 Mpx of 16-bit DICOM, takes 3.1 GB."""


class Decoder:
    """Decodes one view at a time in a child process.

    Parsers of file formats are the part of the server that hostile bytes reach. A view that takes
    too long, or that ends the process, is refused, and the next one has a new process.

    Args:
        spec: how images are prepared.
        limit_s: seconds for one view.
    """

    def __init__(self, spec: ImageSpec, limit_s: float):
        self._spec, self._limit_s = spec, limit_s
        self._child: Child | None = None
        self._is_closed = self._is_ready = False

    def start(self) -> Child:
        """Start the process, unless it runs; it becomes ready in the background."""
        if self._child and not self._child.process.is_alive():
            self._discard()
        if self._child is None:
            # starting it later would unblock signals in this thread
            resource_tracker.ensure_running()
            self._child, self._is_ready = Child(_decode_all, self._spec), False
            if self._is_closed:
                self._child.kill()
        return self._child

    def decode(self, encoded: bytearray) -> Pixels:
        """Return the view as a model sees it.

        Raises:
            ImageError: it is no radiograph that could be read; without a detail.
        """
        connection: Connection = self.start().connection
        try:
            if not self._is_ready:
                _receive(connection, _START_S)
                self._is_ready = True
            connection.send_bytes(encoded)
            reply = _receive(connection, self._limit_s)
        except (EOFError, OSError) as error:
            self._discard()
            if not self._is_closed:
                # the next view need not wait for it
                self.start()
            reason = "too_slow" if isinstance(error, TimeoutError) else "undecodable"
            raise ImageError(reason, "") from None
        if reply[:1] == _IS_REASON:
            raise ImageError(reply[1:].decode(), "")
        side_px = self._spec.size
        return np.frombuffer(reply, np.uint8, offset=1).reshape(side_px, side_px)

    def close(self) -> None:
        """End the process, from any thread."""
        self._is_closed = True
        self._discard()

    def _discard(self) -> None:
        child, self._child = self._child, None
        if child:
            with suppress(OSError):
                child.kill()


def _receive(connection: Connection, limit_s: float) -> bytes:
    if not connection.poll(limit_s):
        raise TimeoutError
    return connection.recv_bytes()


def _decode_all(connection: Connection, spec: ImageSpec) -> None:
    """Answer with the pixels of each view, or the reason why there are none."""
    from trainer.predict.read import decode_view

    limit = psutil.Process().memory_info().vms + _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send_bytes(b"ready")
    while True:
        try:
            encoded = connection.recv_bytes()
        except EOFError:
            return
        try:
            reply = _IS_PIXELS + decode_view(encoded, spec).tobytes()
        except ImageError as error:
            reply = _IS_REASON + error.reason.encode()
        except MemoryError:
            reply = _IS_REASON + b"too_large"
        # third-party parsers raise anything
        except Exception:
            reply = _IS_REASON + b"undecodable"
        connection.send_bytes(reply)
