"""The files of a tree, from a folder or from the listings of an object store."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import SourceError

if TYPE_CHECKING:
    from shared.storage.object_store.bucket import Bucket

# Depth at which folders of an object store are listed one by one: MURA's split/body part.
_LEVELS_APART = 2


class StoredFile(NamedTuple):
    """A file of a store as a listing reports it; its path is relative to that of the store."""

    path: str
    size_bytes: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]


class ChangedFileError(Exception):
    """A file has changed since it was listed; `num_bytes` is its size now."""

    def __init__(self, num_bytes: int):
        super().__init__(num_bytes)
        self.num_bytes = num_bytes


def walk_objects(
    root: "Bucket",
    enters: Callable[[str], bool],
    folder: str = "",
    levels: int = _LEVELS_APART,
) -> Iterator[tuple[str, StoredFile]]:
    """Yield each file of an object store with the path of its folder, which ends in a slash."""
    # each folder `levels` down is listed recursively, one at a time, which bounds the memory
    if levels:
        names, files = root.list_level(folder)
        below = [path for name in sorted(names) if enters(path := folder + name)]
    else:
        files, below = root.list_files(folder), list[str]()
    entered = {folder: True}

    def is_entered(path: str) -> bool:
        if path not in entered:
            parent = path[:-1].rpartition("/")[0]
            entered[path] = is_entered(parent and f"{parent}/") and enters(path[:-1])
        return entered[path]

    for file in files:
        parent = file.path.removesuffix(file.name)
        if is_entered(parent):
            yield parent, file
    for path in below:
        yield from walk_objects(root, enters, f"{path}/", levels - 1)


def walk_folder(
    root: str, enters: Callable[[str], bool]
) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield each file below `root` with the path of its folder, which ends in a slash."""
    # Links to folders are followed last, and no folder is entered twice, so cycles end. Cycles need
    # links, so device and inode numbers are compared only from the first link on: each comparison
    # costs one `stat`.
    pending, links = [""], list[str]()
    walked: list[str] = []
    entered: set[tuple[int, int]] | None = None
    while pending or links:
        if not pending and entered is None:
            entered = {_identity(f"{root}/{folder}") for folder in walked}
        if not pending:
            # sorted: the choice among links to one folder must not depend on the file system
            links.sort(reverse=True)
        folder = pending.pop() if pending else links.pop()
        if entered is None:
            walked.append(folder)
        elif (identity := _identity(f"{root}/{folder}")) in entered:
            continue
        else:
            entered.add(identity)
        try:
            with os.scandir(f"{root}/{folder}") as listed:
                entries = list(listed)
        except OSError as error:
            raise _refuse(f"{root}/{folder}", error) from None
        for entry in entries:
            if not _is_folder(entry):
                yield folder, entry
            elif enters(path := folder + entry.name):
                (links if entry.is_symlink() else pending).append(path + "/")


def find_status(entry: "os.DirEntry[str] | StoredFile") -> tuple[int, int, int] | None:
    """Return size, modification time and change time (ctime) of a file, or None if it is none."""
    # tools such as rsync and unzip set the modification time of a file they replace, but cannot set
    # the change time; object stores have a single time, set by the server
    if isinstance(entry, StoredFile):
        return entry.size_bytes, entry.modified_ns, entry.modified_ns
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns
    except PermissionError as error:
        raise _refuse(str(Path(entry.path).parent), error) from None
    except OSError:
        return None


def _refuse(folder: str, error: OSError) -> SourceError:
    return SourceError(
        "Expected to read every folder, because views could be missing otherwise. "
        f"Received: {folder.rstrip('/')}, {error.strerror}"
    )


def _identity(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except PermissionError as error:
        raise _refuse(str(Path(entry.path).parent), error) from None
    except OSError:
        # a link that points to itself raises ELOOP
        return False
