"""Local-folder backend."""

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from shared.errors import StoreError
from shared.storage.atomic import (
    NUM_WRITERS,
    convert_write_errors,
    partial_file,
    publish,
    sync_folder,
    write_atomically,
)
from shared.storage.lock import hold
from shared.storage.regular_file import open_regular
from shared.storage.walk import ChangedFileError, StoredFile, walk_folder

# errors of opening a path that exists but is not a regular file
_NO_FILE = {errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO}


@dataclass(frozen=True)
class Folder:
    """A folder of the local file system; `str` gives its name as the user wrote it.

    All paths are relative to the folder and use `/`. Methods raise `WriteError` if a file cannot be
    written or removed, and those of a `Bucket` raise `StoreError` if the object store fails.
    """

    root: Path

    is_local: ClassVar[Literal[True]] = True
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
        """Return the content of a file; a FileNotFoundError if it is missing or not regular."""
        try:
            with open_regular(self.root / path) as file:
                return file.read()
        except OSError as error:
            if error.errno in _NO_FILE:
                raise FileNotFoundError(*error.args) from None
            raise

    def read_start(self, path: str, num_bytes: int) -> bytes:
        """Return the first bytes of a file; see `read`."""
        with open_regular(self.root / path) as file:
            return file.read(num_bytes)

    def write(self, path: str, data: bytes) -> None:
        """Write a file atomically and durably."""
        write_atomically(self.root / path, data)

    def partial(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a local file for writing, for `publish`; remove it if the block fails."""
        return partial_file(self.root / path)

    def publish(self, partial: Path, path: str) -> None:
        """Move a partial file to its final path atomically; remove it if that fails.

        The name is durable once `sync` has returned.
        """
        publish(partial, self.root / path)

    def sync(self, paths: Iterable[str]) -> None:
        """Make the names of published files durable."""
        folders = {(self.root / path).parent for path in paths}
        with ThreadPoolExecutor(NUM_WRITERS) as writers:
            list(writers.map(sync_folder, folders))

    def sizes(self, paths: Collection[str]) -> dict[str, int]:
        """Return the size, in bytes, of each existing file."""
        files = {path: self.root / path for path in paths}
        return {path: file.stat().st_size for path, file in files.items() if file.is_file()}

    def read_listed(self, file: StoredFile) -> bytes:
        """Return a file if it is the one that was listed, and does not change while it is read.

        Raises:
            ChangedFileError: the size or modification time differs.
            OSError: the file cannot be read.
        """
        # a Path costs as much time as the read
        with open(f"{self.root}/{file.path}", "rb", buffering=0) as opened:  # noqa: PTH123
            before = os.fstat(opened.fileno())
            data = opened.read()
            after = os.fstat(opened.fileno())
        # the change time may differ from the listing, because links and permissions change it too
        found = (len(data), after.st_mtime_ns)
        is_stable = before.st_ctime_ns == after.st_ctime_ns
        if not is_stable or found != (file.size_bytes, file.modified_ns):
            raise ChangedFileError(len(data))
        return data

    def local_path(self, path: str) -> Path:
        """Return the path of a file of this host; a StoreError in an object store."""
        return self.root / path

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold a lock file for this process; a StoreError if another process holds it."""
        return hold(self.root / path)

    def discard_partial_files(self) -> AbstractContextManager[None]:
        """Do nothing: partial files are in the folder, where `list_files` finds them."""
        return nullcontext()

    def require(self) -> None:
        """Raise a StoreError if the path is a file, or if the bucket does not exist."""
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"Expected a folder. Received: the file {self.root}")

    def list_files(self, path: str = "") -> list[StoredFile]:
        """Return all files below a path, including links, sorted by path."""
        found: list[StoredFile] = []
        for folder, folders, names in os.walk(self.root / path):
            links = (name for name in folders if Path(folder, name).is_symlink())
            for each in (Path(folder, name) for name in (*names, *links)):
                # another process may have removed it meanwhile
                with suppress(FileNotFoundError):
                    status = each.lstat()
                    name = each.relative_to(self.root).as_posix()
                    found.append(StoredFile(name, status.st_size, status.st_mtime_ns))
        return sorted(found)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; missing files are ignored."""
        with convert_write_errors(self.root):
            for path in paths:
                (self.root / path).unlink(missing_ok=True)

    def walk(self, enters: Callable[[str], bool]) -> "Iterator[tuple[str, os.DirEntry[str]]]":
        """Yield each file with the path of its folder, which is empty or ends in a slash.

        Raises:
            SourceError: a folder cannot be read.
        """
        return walk_folder(str(self.root), enters)

    def folders(self, path: str = "") -> list[str] | None:
        """Return the sorted names of the subfolders, or None if the folder does not exist."""
        folder = self.root / path
        if not folder.is_dir():
            return None
        return sorted(each.name for each in folder.iterdir() if each.is_dir())
