"""Reader: any views of a lake, read from the shards by offset, every byte of each checked."""

import math
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import crc32c
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.encoding import decode
from shared.errors import CorruptLakeError, LakeError
from shared.image import Pixels
from shared.lake import Lake, open_lake
from shared.tfrecord import FRAME_FOOTER_BYTES, FRAME_HEADER_BYTES, frame_footer, frame_header

_REMEDY = "`just verify` lists all damage; remove what it names, and `just ingest` makes it anew"
_SPARE_FILES = 64
_ALIGNMENT = 64
_SAME_VIEW = ["view_id", "label", "pixel_digest"]


class _Place(NamedTuple):
    """Where one view's record lies, and its checksums."""

    view_id: str
    shard: str
    record_offset: int
    record_crc32c: int
    image_offset: int
    image_bytes: int

    @property
    def end(self) -> int:
        """The offset after the record."""
        return self.image_offset + self.image_bytes + FRAME_FOOTER_BYTES


class _Record(NamedTuple):
    """What reading one record takes, made ready: reading is the trainer's innermost loop.

    `front_bytes` stand before the image: the frame's header and the head of the payload.
    """

    descriptor: int
    offset: int
    num_bytes: int
    front_bytes: int
    image_bytes: int
    header: bytes
    payload_crc32c: int
    footer: bytes

    @classmethod
    def of(cls, place: _Place, descriptor: int) -> "_Record":
        """Return how to read the record at a place of an open shard."""
        num_bytes = place.end - place.record_offset
        return cls(
            descriptor,
            place.record_offset,
            num_bytes,
            place.image_offset - place.record_offset,
            place.image_bytes,
            frame_header(num_bytes - FRAME_HEADER_BYTES - FRAME_FOOTER_BYTES),
            place.record_crc32c,
            frame_footer(place.record_crc32c),
        )


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
        CorruptLakeError: a shard is missing, cut short or too long.
        LakeError: a re-ingest has removed or changed some of the views.
    """

    def __init__(self, lake: Lake, views: pl.DataFrame):
        self.batch_shape = (None, lake.image.size, lake.image.size, 1)
        self.labels: npt.NDArray[np.float32] = views["label"].to_numpy().astype(np.float32)
        self.damage: CorruptLakeError | None = None
        self._root, self._image = lake.root, lake.image
        self._descriptors: dict[str, int] = {}
        while not self._open_shards(lake, views):
            lake, views = _find_again(lake, views)
        self._places = _places(views)
        self._records = [
            _Record.of(place, self._descriptors[place.shard]) for place in self._places
        ]
        self._front_bytes = max((record.front_bytes for record in self._records), default=0)

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> "ViewReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the shards; TensorFlow may keep the reader itself for longer."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def _open_shards(self, lake: Lake, views: pl.DataFrame) -> bool:
        """Return whether all are there; if not, none is left open."""
        needed = views["shard"].unique()
        _allow_open_files(len(needed))
        rows = lake.manifest.filter(pl.col("shard").is_in(needed.to_list()))
        try:
            for (shard,), members in rows.partition_by("shard", as_dict=True).items():
                self._open_shard(str(shard), _places(members.sort("record_index")))
        except FileNotFoundError:
            self.close()
            return False
        except BaseException:
            self.close()
            raise
        return True

    def _open_shard(self, shard: str, places: Sequence[_Place]) -> None:
        descriptor = os.open(self._root / shard, os.O_RDONLY)
        self._descriptors[shard] = descriptor
        size = os.fstat(descriptor).st_size
        if size != places[-1].end:
            place = next((place for place in places if place.end > size), places[-1])
            raise _damage(
                self._root,
                place.shard,
                place.view_id,
                f"expected a file of {places[-1].end} bytes, received {size}",
            )

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Return the pixels of the views `rows`, uint8 of shape (len(rows), size, size, 1).

        Raises:
            CorruptLakeError: a record is not the one that was written.
        """
        images = _aligned((len(rows), *self.batch_shape[1:]))
        front, footer = memoryview(bytearray(self._front_bytes)), bytearray(FRAME_FOOTER_BYTES)
        for index, row in enumerate(map(int, rows)):
            if self._image.encoding == "raw":
                self._read_record(row, images[index].data, front, footer)
            else:
                stored = memoryview(bytearray(self._records[row].image_bytes))
                self._read_record(row, stored, front, footer)
                images[index, :, :, 0] = decode(stored, self._image)
        return images

    def check(self) -> None:
        """Read every view once, to find what is damaged.

        Raises:
            CorruptLakeError: a record is not the one that was written.
        """
        for row in range(len(self)):
            self.read(np.array([row]))

    def _read_record(
        self, row: int, image: memoryview, front: memoryview, footer: bytearray
    ) -> None:
        record = self._records[row]
        front = front[: record.front_bytes]
        num_read = os.preadv(record.descriptor, [front, image, footer], record.offset)
        crc = crc32c.crc32c(image, crc32c.crc32c(front[FRAME_HEADER_BYTES:]))
        if (
            crc != record.payload_crc32c
            or num_read != record.num_bytes
            or bytes(front[:FRAME_HEADER_BYTES]) != record.header
            or bytes(footer) != record.footer
        ):
            place = self._places[row]
            what = "the record is not the one that was written"
            self.damage = _damage(self._root, place.shard, place.view_id, what)
            raise self.damage


def _aligned(shape: tuple[int, ...]) -> Pixels:
    """Return an empty array that TensorFlow takes over as it is: others it copies."""
    num_bytes = math.prod(shape)
    buffer = np.empty(num_bytes + _ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % _ALIGNMENT
    return buffer[start : start + num_bytes].reshape(shape)


def _places(views: pl.DataFrame) -> list[_Place]:
    return [_Place(*row) for row in views.select(_Place._fields).iter_rows()]


def _find_again(lake: Lake, views: pl.DataFrame) -> tuple[Lake, pl.DataFrame]:
    """Return the lake as it is now, and the rows of the same views with the same pixels in it."""
    now = open_lake(lake.root)
    if now.digest == lake.digest:
        shards = views.unique("shard", maintain_order=True).select("shard", "view_id")
        gone = [(s, v) for s, v in shards.iter_rows() if not (lake.root / s).exists()]
        if gone and open_lake(lake.root).digest == lake.digest:
            shard, view_id = gone[0]
            raise _damage(lake.root, shard, view_id, "the file is missing")
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


def _damage(root: Path, shard: str, view_id: str, what: str) -> CorruptLakeError:
    return CorruptLakeError(f"{root / shard}, view {view_id}: {what}; {_REMEDY}")


def _allow_open_files(num_more: int) -> None:
    """Raise this process's limit on open files, where a lake has more shards than it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/dev/fd").iterdir())) + num_more + _SPARE_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or hard >= needed):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
