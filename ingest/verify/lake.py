"""Verification of every byte of a lake against its manifest and `lake.json`."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import crc32c
import numpy as np
import polars as pl

from ingest.options import VerifyOptions
from ingest.sources.layout import Layout
from ingest.sources.recorded import read_layout
from ingest.verify.report import note_other_files, say_coverage
from ingest.verify.source_tree import compare_with_source
from ingest.verify.table import check_table
from ingest.write.shard import measure
from shared.console import note, say
from shared.errors import CorruptLakeError, LakeError
from shared.images.encoding import decode
from shared.images.spec import ImageSpec
from shared.lake.download_cache import ShardCache
from shared.lake.example import encode_example_head
from shared.lake.open import Lake, open_lake
from shared.lake.reader import ViewReader
from shared.lake.shard_rows import RECORD_END
from shared.lake.tfrecord import FRAME_HEADER_BYTES, Record, read_records
from shared.progress import Progress
from shared.storage.atomic import ShardDigester, digest
from shared.storage.store import Store, as_store

_TOLERANCE = 1e-9


def verify_lake(options: VerifyOptions) -> None:
    """Verify tables and every record of a lake, and list damaged shards.

    Raises:
        LakeError: the lake does not exist, or an ingest replaced it during verification.
        CorruptLakeError: a table, shard or source file differs.
    """
    with TemporaryDirectory() as folder:
        lake = open_lake(options.lake)
        layout = read_layout(lake.layout)
        source = _find_source(options.source, lake, layout) if options.source else None
        if not lake.store.is_local:
            # room for one shard: each download replaces the previous one
            largest_bytes = lake.manifest.select(RECORD_END.max()).item() or 0
            cache = ShardCache(Path(folder), largest_bytes, shows_progress=False)
            lake = replace(lake, cache=cache)
        damages = check_table(lake, layout)
        for damage in damages:
            note(f"damaged: {damage}")
        if damages:
            raise CorruptLakeError(
                f"Expected consistent tables. Received: {len(damages)} "
                f"contradictions in {lake.store}"
            )
        _verify_shards(lake)
        if source:
            _verify_source(lake, source)
    note_other_files(lake)
    say(
        f"{lake.store} is intact: {lake.manifest.height:,} views in "
        f"{lake.manifest['shard'].n_unique():,} shards, "
        f"{lake.rejects.height:,} rejected files recorded (digest {lake.digest})"
    )
    say_coverage(layout, source)


def _find_source(place: str, lake: Lake, layout: Layout | None) -> Store:
    if layout is None:
        raise LakeError(
            "Expected a lake whose lake.json records its layout; `just ingest` records it. "
            f"Received: lake={lake.store}, written by an older version"
        )
    return layout.find_root(as_store(place))


def _verify_source(lake: Lake, source: Store) -> None:
    num_damaged = 0
    with Progress("compare with source", lake.manifest.height) as progress:
        for damage in compare_with_source(lake, source, progress.advance):
            num_damaged += 1
            note(f"damaged: {damage}")
    if num_damaged:
        raise CorruptLakeError(
            f"Expected views equal to {source}. Received: {num_damaged:,} others in {lake.store}"
        )


def _verify_shards(lake: Lake) -> None:
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
            f"Expected {len(shards)} intact shards. "
            f"Received: {len(damages)} damaged in {lake.store}"
        )


def _refuse_other_lake(lake: Lake) -> None:
    """Raise a LakeError if an ingest has replaced the lake, because then it is not damaged."""
    now = open_lake(lake.store).digest
    if now != lake.digest:
        raise LakeError(
            f"Expected no ingest during verification; run again. Received: {lake.store}, "
            f"whose digest changed from {lake.digest} to {now}"
        )


def _verify_shard(lake: Lake, path: str, rows: pl.DataFrame, advance: Callable[[], None]) -> None:
    """Read a shard both by offset, like the trainer, and sequentially, like any TFRecord reader."""
    content, where = ShardDigester(), lake.store.where(path)
    # a reader filters the whole manifest for its shards; one shard's rows are enough
    lake = replace(lake, manifest=rows)
    with ViewReader(lake, rows) as reader, _open(lake, path) as file:
        records = read_records(file, where)
        for index, row in enumerate(rows.iter_rows(named=True)):
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
