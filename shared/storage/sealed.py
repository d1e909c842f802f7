"""Cache and checkpoint files with a digest of their key and content."""

import hashlib
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from shared.console import note
from shared.storage.atomic import partial_file, publish
from shared.storage.regular_file import open_regular

# 64 hexadecimal digits of SHA-256 and a line feed, before the content; the digest covers the key
# too, so a damaged file, or an intact one in the wrong place, is detected before it is parsed
_SEAL_BYTES = 65


@contextmanager
def sealed_file(path: Path, key: str, *, durable: bool = True) -> Generator[BinaryIO, None, None]:
    """Open a file for writing; when the block ends it is sealed and moved to `path` atomically.

    Args:
        key: identifies all inputs that the content depends on.
        durable: sync the file to disk; without it, a power failure may leave a damaged file.

    Raises:
        WriteError: the file cannot be written; no partial file remains.
    """
    with partial_file(path) as file:
        file.write(bytes(_SEAL_BYTES))
        yield file
        file.flush()
        with Path(file.name).open("rb") as written:
            seal = _seal(written, key)
        file.seek(0)
        file.write(seal)
    publish(Path(file.name), path, durable=durable)


@contextmanager
def open_sealed(path: Path, key: str) -> Generator[BinaryIO | None, None, None]:
    """Open a sealed file at its content, or yield None if the content must be computed again.

    That is if the file is missing, or, after a note, unreadable, damaged or sealed with another
    key.
    """
    with ExitStack() as opened:
        content = None
        try:
            file = opened.enter_context(open_regular(path))
            if file.read(_SEAL_BYTES) == _seal(file, key):
                file.seek(_SEAL_BYTES)
                content = file
            else:
                note(f"{path} is damaged or in the wrong place, and is computed again")
        except FileNotFoundError:
            pass
        except OSError as error:
            note(f"{path} cannot be read and is computed again: {error.strerror or error}")
        yield content


def read_sealed(path: Path, key: str) -> bytes | None:
    """Return the content of a sealed file, or None; see `open_sealed`."""
    with open_sealed(path, key) as file:
        return file.read() if file else None


def _seal(file: BinaryIO, key: str) -> bytes:
    hashed = hashlib.sha256(f"{len(key)} {key}\n".encode(errors="surrogateescape"))
    file.seek(_SEAL_BYTES)
    while chunk := file.read(1 << 20):
        hashed.update(chunk)
    return hashed.hexdigest().encode() + b"\n"
