"""Sealed files: what caches and checkpoints keep, with a digest of key and content.

A sealed file is a SHA-256 digest in hexadecimal, a line feed, and the content. The digest covers
the key under which the content was written, so that a damaged file is told from a whole one before
any parser sees it, and so is a whole file that was copied to the place of another.
"""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from shared.console import note
from shared.files import explain_write, open_regular, partial_file, publish

_SEAL_BYTES = 65


@contextmanager
def sealed_file(path: Path, key: str, *, durable: bool = True) -> Generator[BinaryIO, None, None]:
    """Open a file for writing; when the block ends it is sealed and appears at `path`, whole.

    Args:
        path: of the file; one that is there is replaced.
        key: of all that the content depends on.
        durable: whether the file must survive a power cut; if not, it may be found damaged.

    Raises:
        WriteError: it cannot be written; nothing is left behind.
    """
    with partial_file(path) as file:
        file.write(bytes(_SEAL_BYTES))
        yield file
        file.flush()
        with Path(file.name).open("rb") as written:
            seal = _seal(written, key)
        file.seek(0)
        file.write(seal)
    partial = Path(file.name)
    if durable:
        publish(partial, path)
        return
    with explain_write(path):
        try:
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def open_sealed(path: Path, key: str) -> Generator[BinaryIO | None, None, None]:
    """Open a sealed file at its content, or give None where the content must be made anew.

    That is where there is no file, or, with a note, where it cannot be read or is not the one that
    was sealed under this key.
    """
    try:
        file = open_regular(path)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        note(f"{path} cannot be read, so it is made anew: {error.strerror or error}")
        yield None
        return
    with file:
        yield file if _is_whole(file, path, key) else None


def read_sealed(path: Path, key: str) -> bytes | None:
    """Return the content of a sealed file, or None; see `open_sealed`."""
    with open_sealed(path, key) as file:
        return file.read() if file else None


def _is_whole(file: BinaryIO, path: Path, key: str) -> bool:
    """Check a file, and leave it at the beginning of its content."""
    try:
        found = file.read(_SEAL_BYTES)
        file.seek(0)
        is_whole = found == _seal(file, key)
        file.seek(_SEAL_BYTES)
    except OSError as error:
        note(f"{path} cannot be read, so it is made anew: {error.strerror or error}")
        return False
    if not is_whole:
        note(f"{path} is damaged or not in its place, so it is made anew")
    return is_whole


def _seal(file: BinaryIO, key: str) -> bytes:
    hashed = hashlib.sha256(f"{len(key)} {key}\n".encode(errors="surrogateescape"))
    file.seek(_SEAL_BYTES)
    while chunk := file.read(1 << 20):
        hashed.update(chunk)
    return hashed.hexdigest().encode() + b"\n"
