"""Folder: files of this host, by their paths below a folder."""

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from shared.errors import StoreError
from shared.storage.atomic import (
    NUM_WRITERS,
    explain_write,
    open_regular,
    partial_file,
    publish,
    sync_folder,
    write_atomically,
)
from shared.storage.entries import ChangedFileError, StoredFile
from shared.storage.lock import hold
from shared.storage.walk import walk_folder

_NO_FILE = {errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO}
"""What opening says of a path at which there is something, but not a regular file."""


@dataclass(frozen=True)
class Folder:
    """A store of this host's file system; `str` is how it was named, as of every store.

    All paths are relative to the store, with `/` between.
    """

    root: Path

    is_local: ClassVar[Literal[True]] = True
    is_s3: ClassVar[bool] = False

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

    def read_listed(self, file: StoredFile) -> bytes:
        """Return a file if it is the one that was listed, and does not change while it is read.

        The time of change (ctime) may be another than in the listing, because links and permissions
        change it too.

        Raises:
            ChangedFileError: size or time of modification differ.
            OSError: it cannot be read.
        """
        # a Path costs as much time as the read
        with open(f"{self.root}/{file.path}", "rb", buffering=0) as opened:  # noqa: PTH123
            before = os.fstat(opened.fileno())
            data = opened.read()
            after = os.fstat(opened.fileno())
        found = (len(data), after.st_mtime_ns)
        is_stable = before.st_ctime_ns == after.st_ctime_ns
        if not is_stable or found != (file.size_bytes, file.modified_ns):
            raise ChangedFileError(len(data))
        return data

    def local_path(self, path: str) -> Path:
        """Return the path of a file of this host.

        Raises:
            StoreError: the store is an object store.
        """
        return self.root / path

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock file for this process.

        Raises:
            StoreError: another process holds it.
            WriteError: the folder cannot be written.
        """
        return hold(self.root / path)

    def discard_partial_files(self) -> AbstractContextManager[None]:
        """Do nothing: partial files are beside the files, where `list_files` finds them."""
        return nullcontext()

    def require(self) -> None:
        """Check that the folder is none yet, or a folder.

        Raises:
            StoreError: it is a file; or there is no such bucket, or no response.
        """
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"Expected a folder. Received: the file {self.root}")

    def list_files(self, path: str = "") -> list[StoredFile]:
        """Return all files below a path, links included, sorted by their paths.

        Raises:
            StoreError: an object store does not respond.
        """
        below = (self.root / path).rglob("*")
        found = (each for each in below if each.is_symlink() or not each.is_dir())
        return sorted(
            StoredFile(
                each.relative_to(self.root).as_posix(),
                (status := each.lstat()).st_size,
                status.st_mtime_ns,
            )
            for each in found
        )

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files that may be there.

        Raises:
            WriteError: one cannot be removed.
            StoreError: an object store does not respond, or does not allow it.
        """
        with explain_write(self.root):
            for path in paths:
                (self.root / path).unlink(missing_ok=True)

    def walk(self, enters: Callable[[str], bool]) -> "Iterator[tuple[str, os.DirEntry[str]]]":
        """Yield each file with the path of its folder, which is empty or ends in a slash.

        Args:
            enters: whether to enter a folder, given its path.

        Raises:
            SourceError: a folder cannot be entered.
            StoreError: an object store does not respond.
        """
        return walk_folder(str(self.root), enters)

    def folders(self, path: str = "") -> list[str] | None:
        """Return the names of the folders right below one, sorted, or None if there is no such one.

        Raises:
            StoreError: an object store does not answer, or not as it should.
        """
        folder = self.root / path
        if not folder.is_dir():
            return None
        return sorted(each.name for each in folder.iterdir() if each.is_dir())
