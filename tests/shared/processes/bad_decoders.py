"""Decoders that do what native code does on damaged files; run in a process of their own."""

import ctypes
import os
import sys
import tempfile
import time

import numpy as np

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.radiograph import Radiograph


def decode(encoded: bytes) -> Radiograph:
    """Do what the bytes say; the result has them as pixels."""
    grey = _decode(encoded)
    return Radiograph(grey, grey.shape[1], grey.shape[0], 1, ("a note",), "1.2", 3)


def _decode(encoded: bytes) -> Pixels:
    """Do what the bytes say."""
    if encoded == b"crash":
        ctypes.string_at(0)
    if encoded == b"abort":
        os.abort()
    if encoded == b"hang":
        # as native code does, no signal handler of Python's gets a turn
        signals = ctypes.CDLL(None)
        while True:
            signals.usleep(100_000)
    if encoded == b"eat":
        return np.zeros((2**32, 2), np.uint8)
    if encoded == b"refuse":
        raise ImageError("corrupt", "as it is")
    if encoded == b"write":
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 100_000)
    if encoded == b"speak":
        print("on standard output", flush=True)
        os.write(1, b"natively")
        os.write(2, b"and on standard error")
    if encoded == b"pid":
        return np.frombuffer(os.getpid().to_bytes(8, "big"), np.uint8).reshape(1, 8)
    time.sleep(0.01)
    sys.stderr.write("done")
    return np.frombuffer(encoded, np.uint8).reshape(1, -1)
