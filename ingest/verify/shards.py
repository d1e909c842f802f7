"""Verification of every byte of the shards against the manifest."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import crc32c
import numpy as np
import polars as pl

from ingest.write.shard import measure
from shared.console import note
from shared.counts import count
from shared.errors import CorruptLakeError, LakeError
from shared.images.preprocessing.encoding import decode
from shared.images.spec import ImageSpec
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.lake.tfrecord import FRAME_HEADER_BYTES, Record, encode_example_head, read_records
from shared.progress import Progress
from shared.storage.atomic import ShardDigester, digest

_TOLERANCE = 1e-9


def verify_shards(lake: Lake) -> None:
    """Verify every record, and print a note for each damaged shard.

    Raises:
        LakeError: an ingest replaced the lake during verification.
        CorruptLakeError: a shard differs.
    """
    shards = lake.manifest.sort("record_index").partition_by("shard", as_dict=True)
    damages: list[str] = []
    with Progress("verify", lake.manifest.height) as progress:
        for (path,), rows in sorted(shards.items()):
            try:
                _verify_shard(lake, str(path), rows, progress.advance)
            except (CorruptLakeError, OSError) as damage:
                _refuse_other_lake(lake)
                damages.append(str(damage))
                note(f"damaged: {damage}")
    if damages:
        raise CorruptLakeError(
            f"Expected {count(len(shards), 'intact shards')}. "
            f"Received: {len(damages)} damaged in {lake.store}"
        )


def _refuse_other_lake(lake: Lake) -> None:
    # a replaced lake is not damaged
    now = open_lake(lake.store).digest
    if now != lake.digest:
        raise LakeError(
            f"Expected no ingest during verification; run again. Received: {lake.store}, "
            f"whose digest changed from {lake.digest} to {now}"
        )


def _verify_shard(lake: Lake, path: str, rows: pl.DataFrame, advance: Callable[[], None]) -> None:
    content, where = ShardDigester(), lake.store.where(path)
    # a reader filters the whole manifest for its shards; one shard's rows are enough
    lake = replace(lake, manifest=rows)
    with ViewReader(lake, rows) as reader, _open(lake, path) as file:
        records = read_records(file, where)
        for index, row in enumerate(rows.iter_rows(named=True)):
            # by offset like the trainer, and sequentially like any TFRecord reader
            reader.read(np.array([index]))
            record = next(records)
            try:
                _verify_record(record, row, lake.image)
            except CorruptLakeError as error:
                raise CorruptLakeError(f"{where}, view {row['view_id']}: {error}") from None
            head_bytes = len(record.payload) - row["image_bytes"]
            stored_digest = digest(record.payload[head_bytes:])
            content.add(bytes(record.payload[:head_bytes]), stored_digest)
            advance()
    if content.finish() != Path(path).stem:
        raise CorruptLakeError(f"{where}: its digest differs from its name")


def _open(lake: Lake, path: str) -> BinaryIO:
    return (lake.cache.path(path) if lake.cache else lake.root / path).open("rb")


def _verify_record(record: Record, row: dict[str, Any], image: ImageSpec) -> None:
    start = row["image_offset"] - record.offset - FRAME_HEADER_BYTES
    stored = bytes(record.payload[start : start + row["image_bytes"]])
    head = encode_example_head(row["view_id"], row["label"], len(stored))
    if bytes(record.payload) != head + stored:
        raise CorruptLakeError("the record differs from the manifest")
    measured = measure(decode(stored, image))
    for name in ("mean", "std"):
        # processors may differ in the rounding of the last digit
        if not math.isclose(row[name], measured.pop(name), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            raise CorruptLakeError(f"{name}={row[name]} differs from that of the pixels")
    received = {
        "record_offset": record.offset,
        "record_crc32c": crc32c.crc32c(record.payload),
        "image_bytes": len(stored),
        "image_crc32c": crc32c.crc32c(stored),
        **measured,
    }
    for name, value in received.items():
        if row[name] != value:
            raise CorruptLakeError(f"expected {name}={row[name]}, received {value}")
