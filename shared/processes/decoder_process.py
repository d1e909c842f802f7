"""One process of `shared.processes.limited_process`, as its parent sees it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from threading import Timer
from typing import Any

import numpy as np

from shared.errors import ImageError, WorkerError
from shared.images.radiograph import Radiograph
from shared.processes.limited_child import LENGTH, READY, RESPONSE, read

_GRACE_S = 1.0
# Windows ignores start_new_session
_NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
# children are replaced after this many files, because decoders leak memory
_FILES_PER_CHILD = 200


class DecoderProcess:
    """A decoder process; it ends when its input pipe closes, so at the latest with this process."""

    def __init__(self, decoder: str, limit_s: float, *arguments: str):
        self._num_files, self._limit_s = 0, limit_s
        self._is_broken = self._is_overdue = False
        call = (decoder, limit_s, *arguments)
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from shared.processes.limited_child import serve; serve{call!r}"
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
                f"Expected to start a decoder process. Received: {error.strerror}"
            ) from None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def is_usable(self) -> bool:
        """Whether the process can decode another file."""
        return not self._is_broken and self._num_files < _FILES_PER_CHILD

    def decode(self, encoded: bytes | bytearray) -> Radiograph:
        """Decode a file; the errors are those of `LimitedProcesses.decode`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        # until the response is complete; after an interruption the rest of it is in the pipe
        self._is_broken = True
        if not self._num_files and stdout.read(len(READY)) != READY:
            raise WorkerError(
                "Expected a decoder process. "
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
            is_decoded, num_bytes, *shape = RESPONSE.unpack(read(stdout, RESPONSE.size))
            text, content = read(stdout, num_bytes), read(stdout, shape[0] * shape[1])
        except (EOFError, BrokenPipeError):
            raise self._explain_end() from None
        finally:
            watchdog.cancel()
        self._is_broken = False
        if not is_decoded:
            raise ImageError(*json.loads(text))
        others: dict[str, Any] = json.loads(text)
        grey = np.frombuffer(content, np.uint8).reshape(shape)
        return Radiograph(grey=grey, notes=tuple(others.pop("notes")), **others)

    def kill(self) -> None:
        """End the process without waiting for it; callable from any thread."""
        self._process.kill()

    def _end_overdue(self) -> None:
        self._is_overdue = True
        self.kill()

    def close(self) -> None:
        """End the process and close its pipes."""
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
