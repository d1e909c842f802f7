"""Random-access reads from many open shards in files."""

import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from shared.lake.shard_rows import REMEDY
from shared.storage.atomic import open_regular
from shared.storage.descriptors import read_into
from shared.storage.local import Folder

ReadInto = Callable[[int, Sequence[Any], int], int]
"""Fills buffers from an offset of a shard, given by number; returns the number of bytes read."""

Numbers = Sequence[int]
# file descriptors left for everything else that the process opens
_SPARE_FILES = 64


def keep(_: str) -> None:
    """Do not remove a damaged shard: it may be the only copy."""


class ShardFiles:
    """Shards in local files, held open so that a re-ingest cannot remove them.

    Args:
        where: function from a shard to the path shown in messages.
        remedy: advice in the error for a damaged shard.

    Attributes:
        numbers: file descriptor of each shard.
    """

    def __init__(
        self,
        where: Callable[[str], str],
        remedy: str = REMEDY,
        discard: Callable[[str], None] = keep,
    ):
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.where, self.remedy, self.discard = where, remedy, discard

    def add(self, shard: str, descriptor: int) -> None:
        """Take ownership of an open file."""
        self.numbers[shard] = descriptor
        self.sizes[shard] = os.fstat(descriptor).st_size

    def begin(self, *_: Numbers) -> ReadInto:
        """Return the function that reads the parts of the next records."""
        return read_into

    def close(self) -> None:
        """Close the files."""
        while self.numbers:
            os.close(self.numbers.popitem()[1])


def open_files(store: Folder, shards: Collection[str]) -> ShardFiles:
    """Open shards of a folder.

    Raises:
        FileNotFoundError: a shard is missing; all opened shards are closed.
        OSError: a shard is not a regular file.
    """
    opened = ShardFiles(store.where)
    allow_open_files(len(shards))
    try:
        for shard in shards:
            with open_regular(store.root / shard) as file:
                opened.add(shard, os.dup(file.fileno()))
    except BaseException:
        opened.close()
        raise
    return opened


def allow_open_files(num_more: int) -> None:
    """Raise the limit on open files if the shards need more than it allows."""
    if sys.platform == "win32":
        return  # the limit is 8192 there and cannot be raised
    import resource  # late, because Windows lacks it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
