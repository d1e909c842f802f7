"""Verification of every byte of the shards against the manifest."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crc32c
import polars as pl

from ingest.write.shard import measure
from shared.errors import CorruptLakeError, LakeError
from shared.images.preprocessing.encoding import decode
from shared.images.spec import ImageSpec
from shared.lake.open import Lake, open_lake
from shared.lake.shard_rows import RECORD_END, WRONG_RECORD, check_content, damage
from shared.lake.tfrecord import FRAME_HEADER_BYTES, encode_example_head

_TOLERANCE = 1e-9


def find_damaged_shards(lake: Lake, advance: Callable[[], None]) -> Iterator[str]:
    """Verify every record, and yield the first damage of each damaged shard.

    Raises:
        LakeError: an ingest replaced the lake during verification.
        StoreError: the object store does not respond, or returns an error.
    """
    rows = lake.manifest.sort("record_index").with_columns(end=RECORD_END)
    for (path,), own in sorted(rows.partition_by("shard", as_dict=True).items()):
        try:
            _verify_shard(lake, str(path), own, advance)
        except (CorruptLakeError, OSError) as error:
            _refuse_other_lake(lake)
            yield str(error)


def _refuse_other_lake(lake: Lake) -> None:
    # a replaced lake is not damaged
    now = open_lake(lake.store).digest
    if now != lake.digest:
        raise LakeError(
            f"Expected no ingest during verification; run again. Received: {lake.store}, "
            f"whose digest changed from {lake.digest} to {now}"
        )


def _verify_shard(lake: Lake, path: str, rows: pl.DataFrame, advance: Callable[[], None]) -> None:
    where = lake.store.where(path)
    try:
        data = memoryview(lake.store.read(path))
    except FileNotFoundError:
        raise damage(where, rows["view_id"][0], "the file is missing") from None
    check_content(data, rows, Path(path).stem, where)
    for row in rows.iter_rows(named=True):
        try:
            _verify_record(data, row, lake.image)
        except CorruptLakeError as error:
            raise CorruptLakeError(f"{where}, view {row['view_id']}: {error}") from None
        advance()


def _verify_record(data: memoryview, row: dict[str, Any], image: ImageSpec) -> None:
    start = row["image_offset"]
    stored = data[start : start + row["image_bytes"]]
    head = data[row["record_offset"] + FRAME_HEADER_BYTES : start]
    if bytes(head) != encode_example_head(row["view_id"], row["label"], len(stored)):
        raise CorruptLakeError(WRONG_RECORD)
    received = {"image_crc32c": crc32c.crc32c(stored), **measure(decode(stored, image))}
    for name in ("mean", "std"):
        # processors may differ in the rounding of the last digit
        if not math.isclose(row[name], received.pop(name), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            raise CorruptLakeError(f"{name}={row[name]} differs from that of the pixels")
    for name, value in received.items():
        if row[name] != value:
            raise CorruptLakeError(f"expected {name}={row[name]}, received {value}")
