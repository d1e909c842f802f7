"""Reader: the pixels of any views, read from the shards by offset, each checked as it is read."""

import os
import resource
from collections.abc import Sequence
from pathlib import Path

import crc32c
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import CorruptLakeError, LakeError
from shared.image import Pixels
from shared.lake import Lake, open_lake

_REMEDY = "`just verify` lists all damage; remove what it names, and `just ingest` makes it anew"
_SPARE_FILES = 64
_SAME_VIEW = ["view_id", "label", "pixel_digest"]


class ViewReader:
    """Reads views of a lake in any order, from several threads; a context manager.

    The shards are opened at once and held open until the block ends: a re-ingest that replaces them
    meanwhile does not disturb it. If one has replaced them already, the same views are found in the
    lake that is there now.

    Args:
        lake: an opened lake.
        views: rows of its manifest; a view is known by its row number here.

    Attributes:
        labels: float32, one a view.
        damage: what `read` found wrong, for callers behind a boundary that exceptions do not cross
            whole.

    Raises:
        CorruptLakeError: a shard is missing.
        LakeError: a re-ingest has removed or changed some of the views; open the lake again.
    """

    def __init__(self, lake: Lake, views: pl.DataFrame):
        self.batch_shape = (None, lake.image.size, lake.image.size, 1)
        self.labels: npt.NDArray[np.float32] = views["label"].to_numpy().astype(np.float32)
        self.damage: CorruptLakeError | None = None
        self._descriptors: dict[Path, int] = {}
        while not self._open_shards({lake.root / shard for shard in views["shard"]}):
            lake, views = _find_again(lake, views)
        self._view_ids: Sequence[str] = views["view_id"].to_list()
        self._offsets: list[int] = views["image_offset"].to_list()
        self._checksums: list[int] = views["image_crc32c"].to_list()
        self._paths: list[Path] = [lake.root / shard for shard in views["shard"].to_list()]

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

    def _open_shards(self, paths: set[Path]) -> bool:
        """Return whether all are there; if not, none is left open."""
        _allow_open_files(len(paths))
        try:
            for path in paths:
                self._descriptors[path] = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            self.close()
            return False
        except BaseException:
            self.close()
            raise
        return True

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


def _find_again(lake: Lake, views: pl.DataFrame) -> tuple[Lake, pl.DataFrame]:
    """Return the lake as it is now, and the rows of the same views with the same pixels in it."""
    now = open_lake(lake.root)
    if now.digest == lake.digest:
        gone = [shard for shard in views["shard"].unique() if not (lake.root / shard).exists()]
        if gone and open_lake(lake.root).digest == lake.digest:
            raise CorruptLakeError(f"{lake.root / gone[0]} is missing; {_REMEDY}")
        return lake, views
    same = views.select(_SAME_VIEW).join(
        now.manifest, on=_SAME_VIEW, how="inner", maintain_order="left"
    )
    if same.height < views.height or now.image != lake.image:
        raise LakeError(
            "Expected the lake to keep its views while they are opened; run again. "
            f"Received: lake={lake.root}, in which a re-ingest has changed "
            f"{views.height - same.height} of {views.height}"
        )
    return now, same


def _allow_open_files(num_more: int) -> None:
    """Raise this process's limit on open files, where a lake has more shards than it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
