"""Main loop of the child processes of `shared.processes.limited_process`."""

import importlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import IO

from shared.errors import ImageError
from shared.images.radiograph import Radiograph
from shared.processes.null_device import discard

# header of a file: its length; header of a response: true for a radiograph, the bytes of a JSON
# text, rows and columns of the pixels after it
LENGTH, RESPONSE = struct.Struct("<Q"), struct.Struct("<?QQQ")
# sent once, after the decoder has been imported
READY = b"ready"

# limit on address space; 64 Mpx of 16 bits take up to 1.2 GB to decode, and libraries 0.5 GB
_LIMIT_BYTES = 4 * 1024**3


def read(pipe: IO[bytes], num_bytes: int) -> bytes:
    """Read exactly `num_bytes` bytes; raise EOFError if the pipe ends earlier."""
    content = pipe.read(num_bytes)
    if len(content) < num_bytes:
        raise EOFError
    return content


def serve(decoder: str, limit_s: float, *arguments: str) -> None:
    """Decode the files sent on standard input, until it closes."""
    source, responses = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # output of libraries must not mix with the responses
    discard(0, 1)
    module, _, name = decoder.partition(":")
    decode: Callable[..., Radiograph] = getattr(importlib.import_module(module), name)
    _limit_process()
    responses.write(READY)
    responses.flush()
    while header := source.read(LENGTH.size):
        encoded = read(source, *LENGTH.unpack(header))
        _set_alarm(limit_s)
        try:
            response = _encode_radiograph(decode(encoded, *arguments))
        except ImageError as error:
            response = _encode_error(error.reason, error.detail)
        except MemoryError:
            response = _encode_error("too_large", f"decoding needs more than {_LIMIT_BYTES} bytes")
        _set_alarm(0)
        responses.write(response)
        responses.flush()


def _limit_process() -> None:
    if sys.platform == "win32":
        return  # it has no such limits, and macOS none on memory
    import resource  # late, because Windows lacks it

    # a core dump would contain a patient's image
    limits = {resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if sys.platform == "linux":
        limits[resource.RLIMIT_AS] = _LIMIT_BYTES
    for kind, limit in limits.items():
        resource.setrlimit(kind, (limit, limit))
    # the default action ends the process even while native code runs
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _set_alarm(limit_s: float) -> None:
    # on Windows the parent alone keeps time
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, limit_s)


def _encode_radiograph(radiograph: Radiograph) -> bytes:
    others = {name: value for name, value in vars(radiograph).items() if name != "grey"}
    text, grey = json.dumps(others).encode(), radiograph.grey
    return RESPONSE.pack(True, len(text), *grey.shape) + text + grey.tobytes()


def _encode_error(reason: str, detail: str) -> bytes:
    text = json.dumps([reason, detail]).encode()
    return RESPONSE.pack(False, len(text), 0, 0) + text
