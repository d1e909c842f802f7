"""Object-store backend, through pyarrow's filesystems."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from shared.errors import StoreError
from shared.storage.atomic import digest, partial_file
from shared.storage.object_store.connection import connect
from shared.storage.object_store.errors import explain
from shared.storage.object_store.objects import ObjectFile, list_objects, split_level
from shared.storage.temp import no_scratch, own_scratch
from shared.storage.walk import ChangedFileError, StoredFile, walk_objects

SCHEMES = ("s3", "gs", "az")
# concurrent requests; object stores have a high latency and a high throughput
REQUESTS = 16

# above this number of files, listing the folder is cheaper than one request per file
_MAX_SINGLE_REQUESTS = 64
_NS_PER_S = 10**9


@dataclass(frozen=True)
class Bucket:
    """All objects with a common path prefix; same interface as `shared.storage.local.Folder`.

    Attributes:
        scheme: one of `SCHEMES`.
        path: prefix of all object names, without leading and trailing slashes; may be empty.
    """

    scheme: str
    bucket: str
    path: str

    is_local: ClassVar[Literal[False]] = False

    @property
    def is_s3(self) -> bool:
        """True if TensorFlow can stream from the store."""
        return self.scheme == "s3"

    def __str__(self) -> str:
        return f"{self.scheme}://{self._key('')}"

    def where(self, path: str) -> str:
        """Return the URL of a file."""
        return f"{self.scheme}://{self._key(path)}"

    def below(self, path: str) -> "Bucket":
        """Return the store with a longer path prefix."""
        return Bucket(self.scheme, self.bucket, f"{self.path}/{path}".strip("/"))

    def resolve(self) -> "Bucket":
        """Return the store itself, because a URL is already absolute."""
        return self

    def read(self, path: str) -> bytes:
        """Return the content of a file; see `shared.storage.local.Folder.read`."""
        file = self.open(path)
        return file.read(0, file.size)

    def read_start(self, path: str, num_bytes: int) -> bytes:
        """Return the first bytes of a file."""
        file = self.open(path)
        return file.read(0, min(file.size, num_bytes))

    def open(self, path: str) -> "ObjectFile":
        """Open a file for reading parts of it; raise FileNotFoundError if it does not exist."""
        with explain("read", self.where(path)):
            return ObjectFile(self._files.open_input_file(self._key(path)), self.where(path))

    def read_listed(self, file: StoredFile) -> bytes:
        """Return a file if it is the one that was listed; see `shared.storage.local.Folder`."""
        opened = self.open(file.path)
        data, modified_s = opened.read(0, opened.size), opened.modified_s
        if modified_s is None:
            with explain("read", self.where(file.path)):
                (info,) = self._files.get_file_info([self._key(file.path)])
            modified_s = info.mtime_ns // _NS_PER_S
        # a listing may have fractions of a second, a response has none
        if (len(data), modified_s) != (file.size_bytes, file.modified_ns // _NS_PER_S):
            raise ChangedFileError(len(data))
        return data

    def write(self, path: str, data: bytes) -> None:
        """Write a file, in one request or as a multipart upload."""
        with explain("write", self.where(path)):
            # no context manager: closing the stream after a failed part could commit the other
            # parts
            stream = self._files.open_output_stream(self._key(path))
            stream.write(data)
            stream.close()
        if (size := self.sizes([path]).get(path)) != len(data):
            raise StoreError(
                f"Expected {self.where(path)} to have the {len(data)} bytes that were written. "
                f"Received: {'no such object' if size is None else f'{size} bytes'}; run again"
            )

    def partial(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a local file for writing; call `publish` afterwards to upload it."""
        return partial_file(own_scratch(self.scratch) / Path(path).name)

    @property
    def scratch(self) -> Path:
        """Folder of partial files, in the user's own cache because the data is private."""
        import platformdirs

        return platformdirs.user_cache_path("mura-lake") / "partial" / digest(str(self).encode())

    def publish(self, partial: Path, path: str) -> None:
        """Upload a partial file under its final name, and remove the local file."""
        try:
            self.write(path, partial.read_bytes())
        finally:
            partial.unlink(missing_ok=True)

    def discard_partial_files(self) -> AbstractContextManager[None]:
        """Remove the partial files of this process and of ended ones, before and after a block."""
        return no_scratch(self.scratch)

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Do nothing: an object store has no locks."""
        return nullcontext()

    def local_path(self, path: str) -> Path:
        """Raise a StoreError, because an object is not a file of this host."""
        raise StoreError(f"Expected a folder on this host. Received: {self.where(path)}")

    def sync(self, paths: Iterable[str]) -> None:
        """Do nothing: objects are durable once written."""

    def sizes(self, paths: Collection[str]) -> dict[str, int]:
        """Return the size, in bytes, of each existing file."""
        if len(paths) > _MAX_SINGLE_REQUESTS:
            wanted, top = set(paths), os.path.commonpath([Path(path).parent for path in paths])
            return {f.path: f.size_bytes for f in self.list_files(top) if f.path in wanted}
        with explain("look up", self.where("")), ThreadPoolExecutor(REQUESTS) as pool:
            found = zip(paths, pool.map(self._find_size, paths), strict=True)
            return {path: size for path, size in found if size is not None}

    def folders(self, path: str = "") -> list[str] | None:
        """Return the sorted names of the direct subfolders, or None if there is no such folder."""
        # an object store has no folders; they are derived from the / in object names
        folders, files = self.list_level(path)
        if not (folders or files):
            self.require()
            return None
        return sorted(folders)

    def walk(self, enters: Callable[[str], bool]) -> Iterator[tuple[str, StoredFile]]:
        """Yield each file with the path of its folder; see `shared.storage.local.Folder.walk`."""
        return walk_objects(self, enters)

    def list_level(self, path: str = "") -> tuple[list[str], list[StoredFile]]:
        """Return the names of the direct subfolders, and the files directly in the folder."""
        if self.scheme == "gs":
            # for Google Cloud Storage, pyarrow lists only folders that exist as objects
            folder = path and f"{path.rstrip('/')}/"
            return split_level(self.list_files(path), len(folder))
        return self._list(path, recursive=False)

    def list_files(self, path: str = "") -> list[StoredFile]:
        """Return all files below a path, sorted by path."""
        return sorted(self._list(path, recursive=True)[1])

    def remove(self, paths: Collection[str]) -> None:
        """Remove files; missing files are ignored."""
        with explain("remove files from", str(self)), ThreadPoolExecutor(REQUESTS) as pool:
            list(pool.map(self._remove, paths))

    def require(self) -> None:
        """Check that the bucket exists."""
        from pyarrow.fs import FileType

        where = f"{self.scheme}://{self.bucket}"
        with explain("look up", where):
            (info,) = self._files.get_file_info([self.bucket])
        if info.type == FileType.NotFound:
            raise StoreError(f"Expected the bucket of {self}. Received: no bucket {where}")

    @property
    def _files(self) -> Any:
        return connect(self.scheme, self.bucket)

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self.bucket, self.path, path) if part)

    def _find_size(self, path: str) -> int | None:
        (info,) = self._files.get_file_info([self._key(path)])
        return info.size

    def _list(self, path: str, *, recursive: bool) -> tuple[list[str], list[StoredFile]]:
        with explain("list", self.where(path)):
            return list_objects(self._files, self._key(""), self._key(path), recursive=recursive)

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._files.delete_file(self._key(path))
