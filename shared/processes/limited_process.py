"""Child processes that decode files with limits on time and memory."""

import atexit
from threading import Lock

from shared.images.radiograph import Radiograph
from shared.processes.decoder_process import DecoderProcess


class LimitedProcesses:
    """Pool of decoder processes, one for each concurrent call; each decodes many files.

    Args:
        decoder: `module:function`; the function takes a file's bytes and `arguments`, and returns a
            `Radiograph` or raises `ImageError`.
    """

    # on damaged files native decoders can crash, loop or allocate too much; in a child process that
    # affects only the file
    def __init__(self, decoder: str, limit_s: float = 30, *arguments: str):
        self._call = (decoder, limit_s, *arguments)
        self._idle: list[DecoderProcess] = []
        self._busy: set[DecoderProcess] = set()
        self._lock = Lock()
        atexit.register(self.close)

    def start(self) -> None:
        """Start a process in advance, so that the first file does not wait for it."""
        with self._lock:
            if not self._idle:
                self._idle.append(DecoderProcess(*self._call))

    def decode(self, encoded: bytes | bytearray) -> Radiograph:
        """Decode a file in a child process.

        Raises:
            ImageError: the decoder refused the file, took too long (`too_slow`) or too much memory
                (`too_large`), or crashed (`undecodable`).
            MemoryError: the machine has too little memory.
            WorkerError: a process cannot be started.
        """
        with self._lock:
            while self._idle and not self._idle[-1].is_alive:
                self._idle.pop().close()
            child = self._idle.pop() if self._idle else DecoderProcess(*self._call)
            self._busy.add(child)
        try:
            return child.decode(encoded)
        finally:
            self._put_back(child)

    def close(self) -> None:
        """Kill the processes; callable from any thread, even while a file is decoded."""
        with self._lock:
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
        for child in idle:
            child.close()

    def _put_back(self, child: DecoderProcess) -> None:
        # once it is idle, another thread may use it
        is_usable = child.is_usable
        with self._lock:
            self._busy.discard(child)
            if is_usable:
                self._idle.append(child)
        if not is_usable:
            child.close()
