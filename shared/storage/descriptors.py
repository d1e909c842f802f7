"""File descriptors on POSIX systems and on Windows: flags, limits, locks, reads at an offset."""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

# flags of `os.open` for reading any file, and for one that may not be a regular file
if sys.platform == "win32":
    # without O_BINARY, Windows translates line ends
    READ = REGULAR = os.O_RDONLY | os.O_BINARY
else:
    READ = os.O_RDONLY
    # without O_NONBLOCK, opening a pipe waits for its writer
    REGULAR = READ | os.O_NONBLOCK

# offset of the locked byte on Windows: others cannot read what is locked there
_AWAY_BYTES = 1 << 40
_WAIT_S = 0.1
# file descriptors left for everything else that the process opens
_SPARE_FILES = 64
_POSITION = Lock()


if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int, *, waits: bool = False, shared: bool = False) -> None:
        """Lock an open file until it is closed or the process ends, as on other systems."""
        # Windows does not remove open files, so nothing needs the shared lock
        if shared:
            return
        os.lseek(descriptor, _AWAY_BYTES, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                return
            except OSError as error:
                if not waits:
                    raise BlockingIOError(*error.args) from None
                time.sleep(_WAIT_S)

    def lock_folder(folder: Path) -> int:
        """Return a descriptor that holds a folder's lock, as on other systems."""
        # Windows does not open folders: a file of this machine stands for the folder
        if folder.is_symlink() or not folder.is_dir():
            raise NotADirectoryError(folder)
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
        path = Path(tempfile.gettempdir()) / f"mura-lake-{name}.lock"
        return _locked(os.open(path, os.O_RDWR | os.O_CREAT))

    def read_at(descriptor: int, num_bytes: int, offset: int) -> bytes:
        """Read an open file from an offset, in any thread."""
        with _POSITION:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, num_bytes)

else:
    import fcntl

    def lock(descriptor: int, *, waits: bool = False, shared: bool = False) -> None:
        """Lock an open file until it is closed or the process ends.

        Args:
            waits: wait while another process holds the lock.
            shared: hold the lock together with others.

        Raises:
            BlockingIOError: another process holds the lock.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind if waits else kind | fcntl.LOCK_NB)

    def lock_folder(folder: Path) -> int:
        """Return a descriptor that holds a folder's lock until it is closed or the process ends.

        Raises:
            OSError: there is no such folder, or another process holds its lock.
        """
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
        return _locked(os.open(folder, flags))

    read_at = os.pread


if sys.platform == "linux":
    read_into = os.preadv
else:

    def read_into(descriptor: int, buffers: Sequence[Any], offset: int) -> int:
        """Fill buffers from an offset of an open file; return the number of bytes read."""
        data = read_at(descriptor, sum(map(len, buffers)), offset)
        start = 0
        for buffer in buffers:
            part = data[start : start + len(buffer)]
            buffer[: len(part)] = part
            start += len(part)
        return start


def allow_open_files(num_more: int) -> None:
    """Raise the limit on open files if the shards need more than it allows."""
    if sys.platform == "win32":
        return  # the limit is 8192 there and cannot be raised
    import resource  # late, because Windows lacks it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _locked(descriptor: int) -> int:
    try:
        lock(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
