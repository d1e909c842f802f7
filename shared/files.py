"""Files that are whole or not there: digests and atomic writes."""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_DIGEST_CHARS = 32


def digest(data: bytes | memoryview) -> str:
    """Return the digest by which content is named: 128 bits of SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]


class Digester:
    """The same digest over content that arrives in pieces."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, data: bytes | memoryview) -> None:
        """Add the next piece."""
        self._hash.update(data)

    def finish(self) -> str:
        """Return the digest of all pieces so far."""
        return self._hash.hexdigest()[:_DIGEST_CHARS]


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, also after a power cut.

    Raises:
        OSError: the folder cannot be written or the disk is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial_file(path) as file:
        file.write(data)
    publish(Path(file.name), path)


@contextmanager
def partial_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a hidden file beside `path` for writing, to be published; it is gone if that fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def publish(partial: Path, path: Path) -> None:
    """Give a partial file its name, once its content is on the disk; then sync the name.

    Raises:
        OSError: it cannot be done; the partial file is gone.
    """
    try:
        _sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
