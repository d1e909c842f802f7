"""Safe reads of regular files: no links, no blocking, bounded size."""

import os
import stat
import sys
from pathlib import Path

from shared.storage.descriptors import REGULAR

_MAX_BYTES = 4 * 1024**3


def read_regular(folder: Path, name: str) -> bytes:
    """Return the content of a regular file below a folder.

    Links inside the folder are refused, because a link could expose any file of the machine; the
    folder itself may be a link. Pipes are refused, because reading one blocks.

    Raises:
        OSError: the file is missing, unreadable, too large, not a regular file, or reached by a
            link.
    """
    path = folder / name
    for part in [path, *path.parents][: len(Path(name).parts)]:
        if part.is_symlink():
            raise OSError(None, "links are not followed", str(part))
    # a link may have replaced the file since; Windows has no flag for that
    flags = REGULAR if sys.platform == "win32" else REGULAR | os.O_NOFOLLOW
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(None, "not a regular file", str(path))
        if status.st_size > _MAX_BYTES:
            raise OSError(None, f"{status.st_size:,} bytes; the limit is {_MAX_BYTES:,}", str(path))
        return file.read()
