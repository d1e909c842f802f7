"""Object file: an open file of an object store, read in parts, each of which comes whole or not."""

from datetime import datetime
from typing import Any

from shared.errors import StoreError
from shared.storage.object_store import explain

_READ_TRIES = 4
_UNLIKELY = 0xA5


class ObjectFile:
    """An open file of an object store, for one thread at a time.

    Args:
        file: as pyarrow has opened it.
        where: its URL.
    """

    def __init__(self, file: Any, where: str):
        self._file, self._where = file, where

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self._file.size()

    @property
    def modified_s(self) -> int | None:
        """When it was changed, in seconds since 1970, if the object store has said so."""
        metadata: dict[str, bytes] = self._file.metadata() or {}
        if "Last-Modified" not in metadata:
            return None
        stamp = metadata["Last-Modified"].decode().replace("Z", "+00:00")
        return int(datetime.fromisoformat(stamp).timestamp())

    def read(self, offset: int, num_bytes: int) -> bytes:
        """Return a part of the file.

        A body that ends early is taken for whole by pyarrow. It never reaches the last byte, which
        therefore stays what it was set to, differently each time.

        Raises:
            FileNotFoundError: the file is there no more.
            StoreError: the object store does not answer, or with less than was asked for.
        """
        if not num_bytes:
            return b""
        buffer = bytearray(num_bytes)
        for attempt in range(_UNLIKELY, _UNLIKELY + _READ_TRIES):
            buffer[-1] = attempt
            with explain("read", self._where):
                self._file.seek(offset)
                num_read = self._file.readinto(buffer)
            if num_read == num_bytes and buffer[-1] != attempt:
                return bytes(buffer)
        raise StoreError(
            f"Expected {num_bytes} bytes of {self._where} from byte {offset}. "
            "Received: fewer, again and again"
        )
