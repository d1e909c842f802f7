"""Objects of a store: their listings, and files with checked partial reads."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shared.errors import StoreError
from shared.storage.object_store.errors import explain
from shared.storage.walk import StoredFile

_READ_TRIES = 4
# first value of the sentinel byte; each attempt uses the next one
_UNLIKELY = 0xA5


class ObjectFile:
    """An open file of an object store, for one thread at a time."""

    def __init__(self, file: Any, where: str):
        self._file, self._where = file, where

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._file.size()

    @property
    def modified_s(self) -> int | None:
        """Modification time in seconds since 1970; None if the object store does not report it."""
        metadata: dict[str, bytes] = self._file.metadata() or {}
        if "Last-Modified" not in metadata:
            return None
        stamp = metadata["Last-Modified"].decode().replace("Z", "+00:00")
        return int(datetime.fromisoformat(stamp).timestamp())

    def read(self, offset: int, num_bytes: int) -> bytes:
        """Return a range of bytes.

        Raises:
            FileNotFoundError: the file no longer exists.
            StoreError: the object store fails, or returns fewer bytes than requested.
        """
        if not num_bytes:
            return b""
        # pyarrow reports a truncated response body as complete; truncation leaves the last byte of
        # the buffer unset, so a sentinel value there, different in each attempt, detects it
        buffer = bytearray(num_bytes)
        for attempt in range(_UNLIKELY, _UNLIKELY + _READ_TRIES):
            buffer[-1] = attempt
            with explain("read", self._where):
                self._file.seek(offset)
                num_read = self._file.readinto(buffer)
            if num_read == num_bytes and buffer[-1] != attempt:
                return bytes(buffer)
        raise StoreError(
            f"Expected {num_bytes} bytes of {self._where} from byte {offset}. "
            f"Received: fewer, in {_READ_TRIES} attempts"
        )


def list_objects(
    filesystem: Any, root: str, folder: str, *, recursive: bool
) -> tuple[list[str], list[StoredFile]]:
    """Return the names of the folders in `folder`, and the files with paths relative to `root`."""
    from pyarrow.fs import FileSelector, FileType

    selector = FileSelector(folder, allow_not_found=True, recursive=recursive)
    entries = filesystem.get_file_info(selector)
    start = len(root) + 1
    folders = [entry.base_name for entry in entries if entry.type == FileType.Directory]
    files = [
        StoredFile(entry.path[start:], entry.size, entry.mtime_ns)
        for entry in entries
        if entry.type == FileType.File
    ]
    return folders, files


def split_level(files: Iterable[StoredFile], start: int) -> tuple[list[str], list[StoredFile]]:
    """Return the folders and the files at one level; `start` is the length of the path above it."""
    below = [(file, *file.path[start:].partition("/")) for file in files]
    folders = dict.fromkeys(name for _, name, slash, _ in below if slash)
    return list(folders), [file for file, _, slash, _ in below if not slash]
