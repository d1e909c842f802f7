"""Random access to the views of a lake, with every byte checked."""

import math

import crc32c
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import CorruptLakeError, LakeError, MuraLakeError, StoreError
from shared.images.pixels import Pixels
from shared.images.preprocessing.encoding import decode
from shared.lake.find_shards import find_shards
from shared.lake.open import Lake
from shared.lake.shard_rows import WRONG_RECORD, RecordLocations, damage
from shared.lake.shards import ShardObjects
from shared.lake.tfrecord import FRAME_BYTES, FRAME_HEADER_BYTES
from shared.printable import is_utf8

# TensorFlow uses a NumPy buffer without a copy if it is aligned to 64 bytes
_ALIGNMENT = 64


class ViewReader:
    """Thread-safe reader of views in any order; a context manager.

    Args:
        views: rows of the lake's manifest; views are addressed by row number in this table.

    Attributes:
        labels: float32, one per view.
        damage: the first error raised by `read`, for callers that receive exceptions through
            TensorFlow, which loses their type.
        is_remote: True if the shards are in an object store and not cached.

    Raises:
        CorruptLakeError: a shard is missing or has the wrong size.
        LakeError: a re-ingest has removed or changed some of the views.
    """

    def __init__(self, lake: Lake, views: pl.DataFrame):
        self.batch_shape = (None, lake.image.size, lake.image.size, 1)
        self.labels: npt.NDArray[np.float32] = views["label"].to_numpy().astype(np.float32)
        self.damage: MuraLakeError | None = None
        self._image = lake.image
        # in a folder, all shards stay open, so a re-ingest does not interrupt reading
        shards, views = find_shards(lake, views)
        self._shards = shards
        self._views = views.select("shard", "view_id")
        self._numbers = views["record_index"]
        self.is_remote = isinstance(shards, ShardObjects)
        self._records = RecordLocations.of(views, shards.numbers)
        self._head_bytes = int(self._records.head_bytes.max(initial=0))

    @property
    def places(self) -> pl.DataFrame:
        """Path or URL of the shard (`where`) and `record_index` of each view.

        Raises:
            LakeError: the path is not valid UTF-8, so tables and TensorFlow cannot represent it.
        """
        names = {shard: self._shards.where(shard) for shard in self._shards.numbers}
        if not all(map(is_utf8, names.values())):
            raise LakeError(
                "Expected a lake with a UTF-8 path, to read whole shards. "
                f"Received: lake={min(names.values())!r}"
            )
        where = pl.col("shard").replace_strict(names, return_dtype=pl.String)
        return self._views.select(self._numbers, where=where)

    def __len__(self) -> int:
        return self._views.height

    def __enter__(self) -> "ViewReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the shards; TensorFlow may keep a reference to the reader for longer."""
        self._shards.close()

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Return the pixels of the views `rows`, uint8 of shape (len(rows), size, size, 1).

        Raises:
            CorruptLakeError: a record differs from the manifest.
            StoreError: the object store fails.
        """
        if isinstance(self.damage, StoreError):
            # fail at once: callers that request many batches would wait for the retries of each
            raise self.damage
        try:
            return self._read(rows)
        except (CorruptLakeError, StoreError) as error:
            self.damage = error
            raise

    def _read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        images = _aligned((len(rows), *self.batch_shape[1:]))
        frames = np.empty((len(rows), FRAME_BYTES), np.uint8)
        pixels, frames_memory = images.reshape(-1).data, frames.reshape(-1).data
        scratch = memoryview(bytearray(self._head_bytes))
        is_raw = self._image.encoding == "raw"
        *columns, expected_frames = (column[rows] for column in self._records)
        parts: list[list[int]] = [column.tolist() for column in columns]
        read_into = self._shards.begin(*parts[:4])
        for index, (shard, offset, head_bytes, image_bytes, checksum) in enumerate(
            zip(*parts, strict=True)
        ):
            start = index * image_bytes
            image = pixels[start : start + image_bytes] if is_raw else bytearray(image_bytes)
            head = scratch[:head_bytes]
            start = index * FRAME_BYTES
            header = frames_memory[start : start + FRAME_HEADER_BYTES]
            footer = frames_memory[start + FRAME_HEADER_BYTES : start + FRAME_BYTES]
            num_read = read_into(shard, (header, head, image, footer), offset)
            if (
                num_read != head_bytes + image_bytes + FRAME_BYTES
                or crc32c.crc32c(image, crc32c.crc32c(head)) != checksum
            ):
                raise self._damaged(rows[index])
            if not is_raw:
                images[index, :, :, 0] = decode(memoryview(image), self._image)
        if not np.array_equal(frames, expected_frames):
            raise self._damaged(rows[int((frames != expected_frames).any(axis=1).argmax())])
        return images

    def take(self, records: npt.NDArray[np.object_], rows: npt.NDArray[np.int64]) -> Pixels:
        """Return the same pixels as `read`, from record payloads that the caller has loaded."""
        images = _aligned((len(rows), *self.batch_shape[1:]))
        head_bytes = self._records.head_bytes[rows].tolist()
        checksums = self._records.payload_crc32c[rows].tolist()
        parts = zip(records, head_bytes, checksums, strict=True)
        for index, (record, start, checksum) in enumerate(parts):
            if crc32c.crc32c(record) == checksum:
                images[index, :, :, 0] = decode(memoryview(record)[start:], self._image)
            else:
                # damaged on the way, or in the shard: reading it again tells
                images[index] = self.read(rows[index : index + 1])[0]
        return images

    def check(self) -> None:
        """Read every view once; raise a CorruptLakeError if a record differs from the manifest."""
        for row in range(len(self)):
            self.read(np.array([row]))

    def _damaged(self, row: np.int64) -> CorruptLakeError:
        shard, view_id = self._views.row(int(row))
        self._shards.discard(shard)
        return damage(self._shards.where(shard), view_id, WRONG_RECORD, self._shards.remedy)


def _aligned(shape: tuple[int, ...]) -> Pixels:
    num_bytes = math.prod(shape)
    buffer = np.empty(num_bytes + _ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % _ALIGNMENT
    return buffer[start : start + num_bytes].reshape(shape)
