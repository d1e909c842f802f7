"""Limited child: what a process of `shared.limited_process` runs."""

import importlib
import json
import os
import resource
import signal
import struct
from collections.abc import Callable
from typing import IO

from shared.errors import ImageError
from shared.image import Pixels

LENGTH, SHAPE = struct.Struct("<Q"), struct.Struct("<?QQ")
"""Before each file; before each answer, whether it is pixels, and its rows and columns."""
READY = b"ready"
"""Sent once, when the decoder is imported."""

_LIMIT_BYTES = 4 * 1024**3
"""Of address space: 64 Mpx of 16 bits take 1.2 GB in all decoders, and libraries half a GB."""


def read(pipe: IO[bytes], num_bytes: int) -> bytes:
    """Read so many bytes.

    Raises:
        EOFError: there are fewer.
    """
    content = pipe.read(num_bytes)
    if len(content) < num_bytes:
        raise EOFError
    return content


def serve(decoder: str, limit_s: float) -> None:
    """Decode the files that come on standard input; the child's side."""
    source, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123
        # so that nothing a library prints gets among the answers
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    module, _, name = decoder.partition(":")
    decode: Callable[[bytes], Pixels] = getattr(importlib.import_module(module), name)
    for kind, limit in (
        (resource.RLIMIT_AS, _LIMIT_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        # a core dump would hold a patient's picture
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    # it ends the process also where native code never returns
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers.write(READY)
    answers.flush()
    while header := source.read(LENGTH.size):
        encoded = read(source, *LENGTH.unpack(header))
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            pixels = decode(encoded)
            answer = SHAPE.pack(True, *pixels.shape) + pixels.tobytes()
        except ImageError as error:
            answer = _refusal(error.reason, error.detail)
        except MemoryError:
            answer = _refusal("too_large", f"takes more than {_LIMIT_BYTES} bytes to decode")
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(answer)
        answers.flush()


def _refusal(reason: str, detail: str) -> bytes:
    content = json.dumps([reason, detail]).encode()
    return SHAPE.pack(False, 1, len(content)) + content
