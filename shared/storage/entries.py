"""The files of a store as a listing reports them."""

from typing import NamedTuple


class StoredFile(NamedTuple):
    """A file of a store; its path is relative to that of the store."""

    path: str
    size_bytes: int
    modified_ns: int


class ChangedFileError(Exception):
    """A file has changed since it was listed; `num_bytes` is its size now."""

    def __init__(self, num_bytes: int):
        super().__init__(num_bytes)
        self.num_bytes = num_bytes
