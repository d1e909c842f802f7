"""Reads of regular files: no blocking, and without links where their origin is not trusted."""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from shared.storage.descriptors import REGULAR

_MAX_BYTES = 4 * 1024**3


def open_regular(path: Path, flags: int = REGULAR) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    Raises:
        OSError: the file is missing or not a regular file.
    """
    descriptor = os.open(path, flags)
    # a pipe blocks until there is a writer, and a device may never end
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(folder: Path, name: str) -> bytes:
    """Return the content of a regular file below a folder, which may be a link itself.

    Raises:
        OSError: the file is missing, unreadable, too large, not regular, or reached by a link.
    """
    # a link could expose any file of the machine
    path = folder / name
    for part in [path, *path.parents][: len(Path(name).parts)]:
        if part.is_symlink():
            raise OSError(None, "links are not followed", str(part))
    # a link may have replaced the file since; Windows has no flag for that
    flags = REGULAR if sys.platform == "win32" else REGULAR | os.O_NOFOLLOW
    with open_regular(path, flags) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > _MAX_BYTES:
            raise OSError(None, f"{num_bytes:,} bytes; the limit is {_MAX_BYTES:,}", str(path))
        return file.read()
