"""Regular files: read a file below a folder without following links, waiting or running out."""

import os
import stat
from pathlib import Path

_MAX_BYTES = 4 * 1024**3


def read_regular(folder: Path, name: str) -> bytes:
    """Return a regular file below a folder; the folder itself may be a link, nothing in it.

    A link could make a command read any file of the machine, a pipe would block it.

    Args:
        folder: as a user named it.
        name: path of the file below the folder.

    Raises:
        OSError: it is missing, unreadable, a link or below one, too large, or no regular file.
    """
    path = folder / name
    for part in [path, *path.parents][: len(Path(name).parts)]:
        if part.is_symlink():
            raise OSError(None, "a link is not followed", str(part))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(None, "not a regular file", str(path))
        if facts.st_size > _MAX_BYTES:
            raise OSError(None, f"{facts.st_size:,} bytes, at most {_MAX_BYTES:,}", str(path))
        return file.read()
