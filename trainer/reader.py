"""Reader: the pixels of any views, read from the shards by offset, each checked as it is read."""

import os
import resource
from collections.abc import Sequence
from pathlib import Path

import crc32c
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import CorruptLakeError
from shared.image import Pixels
from shared.lake import Lake

_REMEDY = "`just verify` lists all damage; remove what it names, and `just ingest` makes it anew"
_SPARE_FILES = 64


class ViewReader:
    """Reads views of a lake in any order, from several threads; a context manager.

    The shards are opened at once and held open until the block ends: a re-ingest that replaces them
    meanwhile does not disturb it.

    Args:
        lake: an opened lake.
        views: rows of its manifest; a view is known by its row number here.

    Attributes:
        labels: float32, one a view.
        damage: what `read` found wrong, for callers behind a boundary that exceptions do not cross
            whole.

    Raises:
        CorruptLakeError: a shard is missing.
    """

    def __init__(self, lake: Lake, views: pl.DataFrame):
        self.batch_shape = (None, lake.image.size, lake.image.size, 1)
        self.labels: npt.NDArray[np.float32] = views["label"].to_numpy().astype(np.float32)
        self.damage: CorruptLakeError | None = None
        self._view_ids: Sequence[str] = views["view_id"].to_list()
        self._offsets: list[int] = views["image_offset"].to_list()
        self._checksums: list[int] = views["image_crc32c"].to_list()
        self._paths: list[Path] = [lake.root / shard for shard in views["shard"].to_list()]
        self._descriptors: dict[Path, int] = {}
        try:
            self._open_shards()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._view_ids)

    def __enter__(self) -> "ViewReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the shards; TensorFlow may keep the reader itself for longer."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def _open_shards(self) -> None:
        paths = set(self._paths)
        _allow_open_files(len(paths))
        for path in paths:
            try:
                self._descriptors[path] = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                raise CorruptLakeError(f"{path} is missing; {_REMEDY}") from None

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Return the pixels of the views `rows`, uint8 of shape (len(rows), size, size, 1).

        Raises:
            CorruptLakeError: a view's pixels are not those that were written.
        """
        images = np.empty((len(rows), *self.batch_shape[1:]), np.uint8)
        for index, row in enumerate(map(int, rows)):
            image: Pixels = images[index]
            path, offset = self._paths[row], self._offsets[row]
            num_read = os.preadv(self._descriptors[path], [image.data], offset)
            if num_read != image.nbytes or crc32c.crc32c(image.data) != self._checksums[row]:
                self.damage = CorruptLakeError(
                    f"{path}, view {self._view_ids[row]}: the pixels are not those that were "
                    f"written; {_REMEDY}"
                )
                raise self.damage
        return images


def _allow_open_files(num_more: int) -> None:
    """Raise this process's limit on open files, where a lake has more shards than it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
