"""Folder: files of this host, by their paths below a folder."""

import errno
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.files import (
    NUM_WRITERS,
    open_regular,
    partial_file,
    publish,
    sync_folder,
    write_atomically,
)

_NO_FILE = {errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO}
"""What opening says of a path at which there is something, but not a regular file."""


@dataclass(frozen=True)
class Folder:
    """A store of this host's file system; `str` is how it was named, as of every store.

    All paths are relative to the store, with `/` between.
    """

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    def where(self, path: str) -> str:
        """Return how a file is named to a person."""
        return str(self.root / path)

    def below(self, path: str) -> "Folder":
        """Return the store of what lies below a path."""
        return Folder(self.root / path)

    def resolve(self) -> "Folder":
        """Return the same store by the name that it has from everywhere."""
        return Folder(self.root.resolve())

    def read(self, path: str) -> bytes:
        """Return a whole file.

        Raises:
            FileNotFoundError: there is none.
            StoreError: an object store does not answer, or not as it should.
        """
        try:
            with open_regular(self.root / path) as file:
                return file.read()
        except OSError as error:
            if error.errno in _NO_FILE:
                raise FileNotFoundError(*error.args) from None
            raise

    def write(self, path: str, data: bytes) -> None:
        """Write a file that appears whole or not at all, and is there to stay.

        Raises:
            WriteError: it cannot be written.
            StoreError: an object store does not answer, or not as it should.
        """
        write_atomically(self.root / path, data)

    def partial(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file of this host for writing, to be published; it is gone if the block fails.

        Raises:
            WriteError: the block raised OSError, or the file cannot be made.
        """
        return partial_file(self.root / path)

    def publish(self, partial: Path, path: str) -> None:
        """Give a partial file its place, whole; the partial one is gone, also if that fails.

        Its name is there to stay when `sync` has returned.

        Raises:
            WriteError: it cannot be done.
            StoreError: an object store does not answer, or not as it should.
        """
        publish(partial, self.root / path)

    def sync(self, paths: Iterable[str]) -> None:
        """Return when the names of published files are there to stay.

        Raises:
            WriteError: they cannot be.
        """
        folders = {(self.root / path).parent for path in paths}
        with ThreadPoolExecutor(NUM_WRITERS) as writers:
            list(writers.map(sync_folder, folders))

    def sizes(self, paths: Collection[str]) -> dict[str, int]:
        """Return the size, in bytes, of each of the files that is there.

        Raises:
            StoreError: an object store does not answer, or not as it should.
        """
        files = {path: self.root / path for path in paths}
        return {path: file.stat().st_size for path, file in files.items() if file.is_file()}

    def folders(self, path: str = "") -> list[str] | None:
        """Return the names of the folders right below one, sorted, or None if there is no such one.

        Raises:
            StoreError: an object store does not answer, or not as it should.
        """
        folder = self.root / path
        if not folder.is_dir():
            return None
        return sorted(each.name for each in folder.iterdir() if each.is_dir())
