"""Files that are whole or not there: digests and atomic writes."""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from shared.errors import WriteError

PARTIAL_SUFFIX = ".partial"
NUM_WRITERS = 8
"""Threads that wait for the disk; it makes many small files durable at once as fast as one."""
_BUFFER_BYTES = 1 << 20
"""Files written in large pieces get large pages in the page cache, which are read faster."""

_DIGEST_CHARS = 32
_REMEDIES = {
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
    errno.EFBIG: "allow larger files (ulimit -f) and run again",
}
_OTHER_REMEDY = "allow it or name another folder, and run again"


def digest(data: bytes | memoryview) -> str:
    """Return the digest by which content is named: 128 bits of SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    A pipe would wait for a writer, and a device may never end.

    Raises:
        OSError: there is none, or it is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


class ShardDigester:
    """The same digest of a shard: of each record's head and of the digest of its image.

    So images, nearly all of a shard, are digested once and not twice.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, head: bytes, image_digest: str) -> None:
        """Add the next record: what stands before its image, and its stored image's digest."""
        self._hash.update(head)
        self._hash.update(image_digest.encode())

    def finish(self) -> str:
        """Return the digest of all records so far."""
        return self._hash.hexdigest()[:_DIGEST_CHARS]


@contextmanager
def explain_write(path: Path) -> Generator[None, None, None]:
    """Turn an OSError of the block into one that says what could not be written, and what to do.

    Raises:
        WriteError: the block raised OSError.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _OTHER_REMEDY)
        raise WriteError(
            f"Expected to write {path}. Received: {error.strerror or error}; {remedy}"
        ) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, also after a power cut.

    Raises:
        WriteError: the folder cannot be written or the disk is full; nothing is left behind.
    """
    with partial_file(path) as file:
        file.write(data)
    publish(Path(file.name), path)
    sync_folder(path.parent)


@contextmanager
def partial_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a hidden file beside `path` for writing, to be published; it is gone if that fails.

    Raises:
        WriteError: the block raised OSError, or the file cannot be made.
    """
    # hosts that share a disk have the same process numbers
    partial = path.parent / f".{path.name}.{secrets.randbits(63)}{PARTIAL_SUFFIX}"
    with explain_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb", buffering=_BUFFER_BYTES) as file:
                yield file
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def publish(partial: Path, path: Path) -> None:
    """Give a partial file its name, once its content is on the disk.

    The name itself is on the disk when `sync_folder` has returned.

    Raises:
        WriteError: it cannot be done; the partial file is gone.
    """
    with explain_write(path):
        try:
            _sync(partial)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk.

    Raises:
        WriteError: they cannot be.
    """
    with explain_write(folder):
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
