"""Manifest rows of a shard: checks of the shard against them, and locations of their records."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

import crc32c
import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import CorruptLakeError
from shared.lake.tfrecord import (
    FRAME_BYTES,
    FRAME_FOOTER_BYTES,
    FRAME_HEADER_BYTES,
    frame_footer,
    frame_header,
)
from shared.storage.atomic import ShardDigester, digest

REMEDY = "`just verify` lists all damaged files; remove them, and `just ingest` writes them again"
WRONG_RECORD = "the record differs from the manifest"
# end of a row's record in its shard, in bytes; for the last record, the size of the shard
RECORD_END = pl.col("image_offset") + pl.col("image_bytes") + FRAME_FOOTER_BYTES


def rows_by_shard(manifest: pl.DataFrame, shards: pl.Series) -> dict[str, pl.DataFrame]:
    """Return the rows of all records of each shard, in record order, with the `end` of each."""
    columns = ("shard", "view_id", "record_index", "record_offset", "record_crc32c", "image_offset")
    rows = (
        manifest.filter(pl.col("shard").is_in(shards.unique().to_list()))
        .select(*columns, end=RECORD_END)
        .sort("record_index")
    )
    return {str(k): own for (k,), own in rows.partition_by("shard", as_dict=True).items()}


def shard_bytes(rows: pl.DataFrame) -> int:
    """Return the size in bytes of a shard with these rows."""
    return rows["end"][-1]


def check_size(size_bytes: int, rows: pl.DataFrame, where: str) -> None:
    """Check a shard's size against its rows, and the rows for gaps and overlaps.

    Raises:
        CorruptLakeError: the size differs, or the rows are not contiguous.
    """
    if not _follow_each_other(rows):
        raise CorruptLakeError(f"{where}: its rows in the manifest are not contiguous")
    if size_bytes != shard_bytes(rows):
        cut = min(bisect_right(rows["end"].to_list(), size_bytes), rows.height - 1)
        difference = f"expected a file of {shard_bytes(rows)} bytes, received {size_bytes}"
        raise damage(where, rows["view_id"][cut], difference)


def _follow_each_other(rows: pl.DataFrame) -> bool:
    numbers, starts, images, ends = (
        rows[name].to_numpy() for name in ("record_index", "record_offset", "image_offset", "end")
    )
    # every record is longer than its frame, so all reads stay within the shard
    return (
        bool(np.array_equal(numbers, np.arange(len(numbers))))
        and starts[0] == 0
        and bool(np.array_equal(starts[1:], ends[:-1]))
        and bool((images > starts + FRAME_HEADER_BYTES).all())
        and bool((ends > images + FRAME_FOOTER_BYTES).all())
    )


def check_content(data: memoryview, rows: pl.DataFrame, content_digest: str, where: str) -> None:
    """Check a shard against its manifest rows and the digest in its name.

    Raises:
        CorruptLakeError: a record or the digest differs.
    """
    check_size(len(data), rows, where)
    content = ShardDigester()
    columns = ("view_id", "record_offset", "image_offset", "end", "record_crc32c")
    for view_id, start, image_start, end, checksum in rows.select(columns).iter_rows():
        record = data[start:end]
        payload = record[FRAME_HEADER_BYTES:-FRAME_FOOTER_BYTES]
        header, footer = record[:FRAME_HEADER_BYTES], record[-FRAME_FOOTER_BYTES:]
        expected = (frame_header(len(payload)), checksum, frame_footer(checksum))
        if (bytes(header), crc32c.crc32c(payload), bytes(footer)) != expected:
            raise damage(where, view_id, WRONG_RECORD)
        image = data[image_start : end - FRAME_FOOTER_BYTES]
        content.add(bytes(data[start + FRAME_HEADER_BYTES : image_start]), digest(image))
    # other lakes find the shard in the cache by that name alone
    if content.finish() != content_digest:
        raise CorruptLakeError(f"{where}: its digest differs from its name; {REMEDY}")


def damage(where: str, view_id: str, problem: str, remedy: str = REMEDY) -> CorruptLakeError:
    """Return the error for a damaged view of a shard."""
    return CorruptLakeError(f"{where}, view {view_id}: {problem}; {remedy}")


class RecordLocations(NamedTuple):
    """Location and checksums of the records of views: arrays with one entry per view.

    A record consists of the frame header, the head of the payload, the image and the frame footer.
    `frames` holds the expected header and footer, uint8 of shape (views, 16).
    """

    shards: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    head_bytes: npt.NDArray[np.int64]
    image_bytes: npt.NDArray[np.int64]
    payload_crc32c: npt.NDArray[np.int64]
    frames: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, views: pl.DataFrame, numbers: Mapping[str, int]) -> "RecordLocations":
        """Return the record locations of manifest rows; `numbers` maps shards to their numbers."""
        columns = ("record_offset", "image_offset", "image_bytes", "record_crc32c")
        offsets, image_offsets, image_bytes, checksums = (views[c].to_numpy() for c in columns)
        head_bytes = image_offsets - offsets - FRAME_HEADER_BYTES
        lengths = (head_bytes + image_bytes).tolist()
        headers = {length: frame_header(length) for length in set(lengths)}
        frames = b"".join(
            headers[length] + frame_footer(checksum)
            for length, checksum in zip(lengths, checksums.tolist(), strict=True)
        )
        shards = [numbers[shard] for shard in views["shard"]]
        return cls(
            np.array(shards, np.int64),
            offsets,
            head_bytes,
            image_bytes,
            checksums,
            np.frombuffer(frames, np.uint8).reshape(-1, FRAME_BYTES),
        )
