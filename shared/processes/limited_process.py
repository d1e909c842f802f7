"""Child processes that decode files with limits on time and memory.

On damaged files native decoders can crash, loop or allocate too much; in a child process that
affects only the file. Each child decodes many files, one at a time.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from threading import Lock, Timer

import numpy as np

from shared.errors import ImageError, WorkerError
from shared.images.pixels import Pixels
from shared.processes.limited_child import LENGTH, READY, SHAPE, read

_GRACE_S = 1.0
# Windows ignores start_new_session
_NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
_FILES_PER_CHILD = 200
"""Children are replaced after this many files, because decoders leak memory."""


class LimitedProcesses:
    """Pool of decoder processes, one for each concurrent call.

    Args:
        decoder: `module:function`; the function takes a file's bytes and returns pixels or raises
            `ImageError`.
        limit_s: Time limit per file in seconds.
    """

    def __init__(self, decoder: str, limit_s: float = 30):
        self._decoder, self._limit_s = decoder, limit_s
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._lock = Lock()
        atexit.register(self.close)

    def start(self) -> None:
        """Start a process in advance, so that the first file does not wait for it."""
        with self._lock:
            if not self._idle:
                self._idle.append(_Child(self._decoder, self._limit_s))

    def decode(self, encoded: bytes | bytearray) -> Pixels:
        """Decode a file in a child process.

        Raises:
            ImageError: The decoder refused the file, took too long (`too_slow`) or too much memory
                (`too_large`), or crashed (`undecodable`).
            MemoryError: The machine has too little memory.
            WorkerError: A process cannot be started.
        """
        with self._lock:
            child = self._take_idle() or _Child(self._decoder, self._limit_s)
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
        """Kill the processes; callable from any thread, even while a file is decoded."""
        with self._lock:
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
        for child in idle:
            child.close()

    def _take_idle(self) -> "_Child | None":
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            child.close()
        return None

    def _put_back(self, child: "_Child", is_usable: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            if is_usable:
                self._idle.append(child)
        if not is_usable:
            child.close()


class _Child:
    """One child process; it ends when its input pipe closes, so at the latest with this process."""

    def __init__(self, decoder: str, limit_s: float):
        self._num_files, self._limit_s = 0, limit_s
        self._is_broken = self._is_overdue = False
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from shared.processes.limited_child import serve; serve({decoder!r}, {limit_s})"
        )
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                # isolated, because -c alone would import from the working directory first
                [sys.executable, "-I", "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # discard messages of native decoders
                stderr=subprocess.DEVNULL,
                # one thread and one malloc arena, because each reserves address space
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
                # apart from the terminal, because Ctrl-C is handled by the parent
                start_new_session=True,
                creationflags=_NEW_GROUP,
            )
        except OSError as error:
            raise WorkerError(
                f"Expected to start a process that decodes. Received: {error.strerror}"
            ) from None

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

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
        # the child ends itself at the limit, unless it is stopped or starved
        watchdog = Timer(self._limit_s + _GRACE_S, self._end_overdue)
        watchdog.daemon = True
        watchdog.start()
        try:
            stdin.write(LENGTH.pack(len(encoded)))
            stdin.write(encoded)
            stdin.flush()
            is_decoded, *shape = SHAPE.unpack(read(stdout, SHAPE.size))
            content = read(stdout, shape[0] * shape[1])
        except (EOFError, BrokenPipeError):
            self._is_broken = True
            raise self._explain_end() from None
        finally:
            watchdog.cancel()
        if not is_decoded:
            raise ImageError(*json.loads(content))
        return np.frombuffer(content, np.uint8).reshape(shape)

    def kill(self) -> None:
        self._process.kill()

    def _end_overdue(self) -> None:
        self._is_overdue = True
        self.kill()

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            # closing fails if the child did not read the whole file
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        self._process.wait()

    def _explain_end(self) -> ImageError | MemoryError:
        status = self._process.wait()
        # Windows has no signals that end a process
        if self._is_overdue or (sys.platform != "win32" and status == -signal.SIGALRM):
            return ImageError("too_slow", f"not decoded within {self._limit_s} s")
        if sys.platform != "win32" and status == -signal.SIGKILL:
            return MemoryError("the decoder was killed")
        return ImageError("undecodable", f"the decoder ended with status {status}")
