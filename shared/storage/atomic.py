"""Content digests and atomic file writes."""

import errno
import hashlib
import os
import secrets
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from shared.errors import WriteError

PARTIAL_SUFFIX = ".partial"
# threads that wait for the disk; a disk syncs many small files concurrently as fast as one
NUM_WRITERS = 8
# files written in large blocks get large pages in the page cache, which are read faster
_BUFFER_BYTES = 1 << 20

_DIGEST_CHARS = 32
_REMEDIES = {
    errno.ENOSPC: "free disk space and run again",
    errno.EDQUOT: "free disk space and run again",
    errno.EFBIG: "allow larger files (ulimit -f) and run again",
}
_OTHER_REMEDY = "grant permission or choose another folder, and run again"


def digest(data: bytes | memoryview) -> str:
    """Return the content digest: the first 128 bits of SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]


class ShardDigester:
    """Digest of a shard, computed from record heads and image digests."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, head: bytes, image_digest: str) -> None:
        """Add the next record: the bytes before its image, and the digest of its stored image."""
        # the image digests exist already, so the images, nearly all of a shard, are hashed once
        self._hash.update(head)
        self._hash.update(image_digest.encode())

    def finish(self) -> str:
        """Return the digest of all records so far."""
        return self._hash.hexdigest()[:_DIGEST_CHARS]


@contextmanager
def convert_write_errors(path: Path) -> Generator[None, None, None]:
    """Convert an OSError of the block into a WriteError with the path and a remedy."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _OTHER_REMEDY)
        raise WriteError(
            f"Expected to write {path}. Received: {error.strerror or error}; {remedy}"
        ) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file atomically and durably, so that it survives a power failure.

    Raises:
        WriteError: the folder is not writable or the disk is full; no partial file remains.
    """
    with partial_file(path) as file:
        file.write(data)
    publish(Path(file.name), path)
    sync_folder(path.parent)


@contextmanager
def partial_file(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a hidden file next to `path` for writing, for `publish`; remove it if the block fails.

    Raises:
        WriteError: the block raised OSError, or the file cannot be created.
    """
    # a random number, not the process id: hosts that share a disk have equal process ids
    partial = path.parent / f".{path.name}.{secrets.randbits(63)}{PARTIAL_SUFFIX}"
    with convert_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb", buffering=_BUFFER_BYTES) as file:
                yield file
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def publish(partial: Path, path: Path, *, durable: bool = True) -> None:
    """Sync a partial file to disk if `durable`, and rename it to its final name.

    The name itself is durable once `sync_folder` has returned.

    Raises:
        WriteError: the file cannot be synced or renamed; the partial file is removed.
    """
    with convert_write_errors(path):
        try:
            if durable:
                _sync(partial)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk; raise a WriteError if that fails."""
    if sys.platform == "win32":
        return  # NTFS writes names to its journal, and folders cannot be opened
    with convert_write_errors(folder):
        _sync(folder)


def _sync(path: Path) -> None:
    # Windows syncs only files that are open for writing
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
