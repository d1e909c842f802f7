"""Reader: the pixels of any views, read from the shards by offset, each checked as it is read."""

import os
from collections.abc import Sequence
from pathlib import Path

import crc32c
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import CorruptLakeError
from shared.image import Pixels
from shared.lake import Lake


class ViewReader:
    """Reads views of a lake in any order, from several threads.

    The shards are opened at once and held open: a re-ingest that replaces them meanwhile does not
    disturb a reader, nor does it see half of either lake.

    Args:
        lake: an opened lake.
        views: rows of its manifest; a view is known by its row number here.

    Raises:
        CorruptLakeError: a shard is missing.
    """

    def __init__(self, lake: Lake, views: pl.DataFrame):
        self.batch_shape = (None, lake.image.size, lake.image.size, 1)
        self._view_ids: Sequence[str] = views["view_id"].to_list()
        self._offsets: list[int] = views["image_offset"].to_list()
        self._checksums: list[int] = views["image_crc32c"].to_list()
        self._paths: list[Path] = [lake.root / shard for shard in views["shard"].to_list()]
        self._descriptors = {path: _open(path) for path in set(self._paths)}
        self.labels: npt.NDArray[np.float32] = views["label"].to_numpy().astype(np.float32)
        self.damage: CorruptLakeError | None = None

    def __len__(self) -> int:
        return len(self._view_ids)

    def __del__(self) -> None:
        for descriptor in getattr(self, "_descriptors", {}).values():
            os.close(descriptor)

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Return the pixels of the views `rows`, uint8 of shape (len(rows), size, size, 1).

        Raises:
            CorruptLakeError: a view's pixels are not those that were written; also kept in
                `damage`, for callers behind a boundary that exceptions do not cross whole.
        """
        images = np.empty((len(rows), *self.batch_shape[1:]), np.uint8)
        for index, row in enumerate(map(int, rows)):
            image: Pixels = images[index]
            path, offset = self._paths[row], self._offsets[row]
            num_read = os.preadv(self._descriptors[path], [image.data], offset)
            if num_read != image.nbytes or crc32c.crc32c(image.data) != self._checksums[row]:
                self.damage = CorruptLakeError(
                    f"{path}, view {self._view_ids[row]}: the pixels are not those that were "
                    "written; `just verify` lists all damage, `just ingest` makes the lake anew"
                )
                raise self.damage
        return images


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise CorruptLakeError(f"{path} is missing; `just ingest` makes the lake anew") from None
