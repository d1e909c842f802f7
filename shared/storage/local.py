"""Local-folder backend."""

import errno
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from shared.storage.atomic import (
    NUM_WRITERS,
    open_regular,
    partial_file,
    publish,
    sync_folder,
    write_atomically,
)

_NO_FILE = {errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO}
"""Errors of opening a path that exists but is not a regular file."""


@dataclass(frozen=True)
class Folder:
    """A folder of the local file system; `str` gives its name as the user wrote it.

    All paths are relative to the folder and use `/`.
    """

    root: Path

    is_local: ClassVar[bool] = True
    is_s3: ClassVar[bool] = False

    def __str__(self) -> str:
        return str(self.root)

    def where(self, path: str) -> str:
        """Return the path of a file for messages."""
        return str(self.root / path)

    def below(self, path: str) -> "Folder":
        """Return the store of a subfolder."""
        return Folder(self.root / path)

    def resolve(self) -> "Folder":
        """Return the same store with an absolute path."""
        return Folder(self.root.resolve())

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: The file does not exist.
            StoreError: An object store fails.
        """
        try:
            with open_regular(self.root / path) as file:
                return file.read()
        except OSError as error:
            if error.errno in _NO_FILE:
                raise FileNotFoundError(*error.args) from None
            raise

    def write(self, path: str, data: bytes) -> None:
        """Write a file atomically and durably.

        Raises:
            WriteError: The file cannot be written.
            StoreError: An object store fails.
        """
        write_atomically(self.root / path, data)

    def partial(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a local file for writing, for `publish`; remove it if the block fails.

        Raises:
            WriteError: The block raised OSError, or the file cannot be created.
        """
        return partial_file(self.root / path)

    def publish(self, partial: Path, path: str) -> None:
        """Move a partial file to its final path atomically; remove it if that fails.

        The name is durable once `sync` has returned.

        Raises:
            WriteError: The file cannot be moved.
            StoreError: An object store fails.
        """
        publish(partial, self.root / path)

    def sync(self, paths: Iterable[str]) -> None:
        """Make the names of published files durable.

        Raises:
            WriteError: A folder cannot be synced.
        """
        folders = {(self.root / path).parent for path in paths}
        with ThreadPoolExecutor(NUM_WRITERS) as writers:
            list(writers.map(sync_folder, folders))

    def sizes(self, paths: Collection[str]) -> dict[str, int]:
        """Return the size, in bytes, of each existing file.

        Raises:
            StoreError: An object store fails.
        """
        files = {path: self.root / path for path in paths}
        return {path: file.stat().st_size for path, file in files.items() if file.is_file()}

    def folders(self, path: str = "") -> list[str] | None:
        """Return the sorted names of the direct subfolders, or None if the folder does not exist.

        Raises:
            StoreError: An object store fails.
        """
        folder = self.root / path
        if not folder.is_dir():
            return None
        return sorted(each.name for each in folder.iterdir() if each.is_dir())
