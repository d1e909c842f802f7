"""Listings of object stores, which have no folders of their own."""

from collections.abc import Iterable
from typing import Any

from shared.storage.walk import StoredFile


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
    folders, level = dict[str, None](), list[StoredFile]()
    for file in files:
        name, slash, _ = file.path[start:].partition("/")
        if slash:
            folders[name] = None
        else:
            level.append(file)
    return list(folders), level
