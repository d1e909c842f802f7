"""Limited process: a child process that calls one function of bytes, with bounds on what it takes.

Native decoders crash, loop and allocate on damaged files; here that ends a child, and is the file's
fault. A child is used for many files, one at a time.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from threading import Lock

import numpy as np

from shared.errors import ImageError, WorkerError
from shared.image import Pixels
from shared.limited_child import LENGTH, READY, SHAPE, read

_FILES_PER_CHILD = 200
"""Then a new one: decoders leak."""


class LimitedProcesses:
    """Calls a decoder in child processes, as many as there are calls at the same time.

    Args:
        decoder: `module:function`, of a file's bytes, returns pixels or raises `ImageError`.
        limit_s: seconds that one file may take.
    """

    def __init__(self, decoder: str, limit_s: float = 30):
        self._decoder, self._limit_s = decoder, limit_s
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._lock = Lock()
        atexit.register(self.close)

    def start(self) -> None:
        """Start a process, so that the first file need not wait for it."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Child(self._decoder, self._limit_s))

    def decode(self, encoded: bytes | bytearray) -> Pixels:
        """Return what the decoder returns.

        Raises:
            ImageError: the decoder's, or it took too much time (`too_slow`) or memory
                (`too_large`), or crashed (`undecodable`).
            MemoryError: the machine has too little memory.
            WorkerError: a process cannot be started.
        """
        with self._lock:
            child = self._idle.pop() if self._idle else _Child(self._decoder, self._limit_s)
            self._busy.add(child)
        is_usable = False
        try:
            pixels = child.decode(encoded)
            is_usable = child.is_usable
            return pixels
        except ImageError:
            is_usable = child.is_usable
            raise
        finally:
            self._put_back(child, is_usable)

    def close(self) -> None:
        """End the processes, from any thread, also in the middle of a file."""
        with self._lock:
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
        for child in idle:
            child.close()

    def _put_back(self, child: "_Child", is_usable: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            if is_usable:
                self._idle.append(child)
        if not is_usable:
            child.close()


class _Child:
    """One process; it ends with the pipe that it reads, so with this process."""

    def __init__(self, decoder: str, limit_s: float):
        self._num_files, self._limit_s = 0, limit_s
        self._is_broken = False
        code = f"import sys; sys.path[:] = {sys.path!r}; from shared.limited_child import serve; "
        code += f"serve({decoder!r}, {limit_s})"
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                # isolated, since -c would import from the working directory first
                [sys.executable, "-I", "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # what native decoders say
                stderr=subprocess.DEVNULL,
                # one thread, one arena: each takes address space
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
                # a Ctrl-C is for this process
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerError(
                f"Expected to start a process that decodes. Received: {error.strerror}"
            ) from None

    @property
    def is_usable(self) -> bool:
        return not self._is_broken and self._num_files < _FILES_PER_CHILD

    def decode(self, encoded: bytes | bytearray) -> Pixels:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        if not self._num_files and stdout.read(len(READY)) != READY:
            raise WorkerError(
                "Expected a process that decodes. "
                f"Received: one that ended with status {self._process.wait()} before any file"
            )
        self._num_files += 1
        try:
            stdin.write(LENGTH.pack(len(encoded)))
            stdin.write(encoded)
            stdin.flush()
            is_decoded, *shape = SHAPE.unpack(read(stdout, SHAPE.size))
            content = read(stdout, shape[0] * shape[1])
        except (EOFError, BrokenPipeError):
            self._is_broken = True
            raise self._explain_end() from None
        if not is_decoded:
            raise ImageError(*json.loads(content))
        return np.frombuffer(content, np.uint8).reshape(shape)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            # of a file that was not read to its end
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        self._process.wait()

    def _explain_end(self) -> ImageError | MemoryError:
        status = self._process.wait()
        if status == -signal.SIGALRM:
            return ImageError("too_slow", f"not decoded within {self._limit_s} s")
        if status == -signal.SIGKILL:
            return MemoryError("the decoder was killed")
        return ImageError("undecodable", f"the decoder ended with status {status}")
