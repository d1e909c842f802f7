"""Manifest rows of a shard, and checks of the shard against them."""

from bisect import bisect_right

import crc32c
import numpy as np
import polars as pl

from shared.errors import CorruptLakeError
from shared.lake.tfrecord import FRAME_FOOTER_BYTES, FRAME_HEADER_BYTES, frame_footer, frame_header
from shared.storage.atomic import ShardDigester, digest

REMEDY = "`just verify` lists all damaged files; remove them, and `just ingest` writes them again"
WRONG_RECORD = "the record differs from the manifest"
RECORD_END = pl.col("image_offset") + pl.col("image_bytes") + FRAME_FOOTER_BYTES
"""End of a row's record in its shard, in bytes; for the last record, the size of the shard."""


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
    """Return whether rows are numbered from 0 and the records are contiguous.

    Every record must be longer than its frame, so all reads stay within the shard.
    """
    numbers, starts, images, ends = (
        rows[name].to_numpy() for name in ("record_index", "record_offset", "image_offset", "end")
    )
    return (
        bool(np.array_equal(numbers, np.arange(len(numbers))))
        and starts[0] == 0
        and bool(np.array_equal(starts[1:], ends[:-1]))
        and bool((images > starts + FRAME_HEADER_BYTES).all())
        and bool((ends > images + FRAME_FOOTER_BYTES).all())
    )


def check_content(data: memoryview, rows: pl.DataFrame, content_digest: str, where: str) -> None:
    """Check a shard against its manifest rows and the digest in its name.

    Other lakes find the shard by that name alone, so the digest must match too.

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
    if content.finish() != content_digest:
        raise CorruptLakeError(f"{where}: its digest differs from its name; {REMEDY}")


def damage(where: str, view_id: str, problem: str, remedy: str = REMEDY) -> CorruptLakeError:
    """Return the error for a damaged view of a shard."""
    return CorruptLakeError(f"{where}, view {view_id}: {problem}; {remedy}")
