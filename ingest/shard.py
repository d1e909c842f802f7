"""Shard: the views of one plan are read, decoded, resized and written as one TFRecord file."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import crc32c
import cv2
import polars as pl

from ingest.plan import ShardPlan
from ingest.scan import SCHEMA as SCAN_SCHEMA
from shared.errors import ImageError, SourceError
from shared.example import encode_example
from shared.files import Digester, digest, partial_file, publish
from shared.image import decode_grey, fit_to_spec, read_png_header
from shared.image_spec import ImageSpec
from shared.layout import partition_path, shard_path
from shared.manifest import REJECTS_SCHEMA, SCHEMA
from shared.tfrecord import FRAME_HEADER_BYTES, frame

UNREADABLE = "unreadable"
"""The reason of a file that may not be read; the others are those of `shared.image`."""

WRITTEN_SCHEMA = {name: dtype for name, dtype in SCHEMA.items() if name != "group"}
"""A manifest's columns but `group`, which is known only when all views are."""

DECODED_SCHEMA = {n: dtype for n, dtype in WRITTEN_SCHEMA.items() if n not in SCAN_SCHEMA}
"""What decoding adds to a scanned view."""


@dataclass(frozen=True)
class ShardOutcome:
    """What became of a shard plan.

    Attributes:
        written: one row a view, columns as in `WRITTEN_SCHEMA`, sorted by `view_id`.
        rejects: columns as in `shared.manifest.REJECTS_SCHEMA`.
    """

    written: pl.DataFrame
    rejects: pl.DataFrame


@dataclass(frozen=True)
class _View:
    """One prepared view and the facts that the manifest keeps of it."""

    image: bytes
    facts: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common: where from, where to, and how stored."""

    source: Path
    lake: Path
    image: ImageSpec


def write_shard(plan: ShardPlan, job: Job, keep: Callable[[ShardOutcome], None]) -> ShardOutcome:
    """Write one shard; its name is the digest of its bytes, so it appears whole or not at all.

    A file that cannot be read as a radiograph is rejected with its reason and stops nothing.

    Args:
        plan: the views.
        job: source, lake and image spec.
        keep: called with the outcome just before the shard gets its name, so that a shard which is
            there always has its outcome kept.

    Raises:
        SourceError: a file of the plan has vanished, or changed since the scan.
        WriteError: the lake cannot be written.
    """
    facts: list[dict[str, Any]] = []
    rejects: list[tuple[str, str, str]] = []
    views = plan.views.select("view_id", "label", "source_bytes", "modified_ns")
    folder = job.lake / partition_path(plan.folder)
    with partial_file(folder / digest("\n".join(views["view_id"]).encode())) as file:
        shard = _ShardWriter(file)
        for view_id, label, *scanned in views.iter_rows():
            try:
                view = _prepare(_read(job.source / view_id, scanned), job.image)
            except ImageError as error:
                rejects.append((view_id, error.reason, error.detail))
                continue
            place = shard.append(view_id, label, view.image)
            facts.append({"view_id": view_id, **view.facts, **place})
        path = shard_path(plan.folder, shard.digester.finish())
        outcome = _outcome(plan, path, facts, rejects)
        keep(outcome)
        if facts:
            publish(file, job.lake / path)
    return outcome


def _outcome(
    plan: ShardPlan, shard: str, facts: list[dict[str, Any]], rejects: list[tuple[str, str, str]]
) -> ShardOutcome:
    decoded = pl.DataFrame(facts, schema={"view_id": pl.String, **DECODED_SCHEMA})
    written = plan.views.join(decoded.with_columns(shard=pl.lit(shard)), on="view_id")
    return ShardOutcome(
        written.select(WRITTEN_SCHEMA.keys()).sort("view_id"),
        pl.DataFrame(rejects, schema=REJECTS_SCHEMA, orient="row"),
    )


def _read(path: Path, scanned: list[int]) -> bytes:
    """Return a file's bytes; `scanned` is the size and time of change that the scan found."""
    try:
        with path.open("rb") as file:
            encoded = file.read()
            status = os.fstat(file.fileno())
    except PermissionError as error:
        raise ImageError(UNREADABLE, f"{error.strerror}") from None
    except OSError as error:
        raise SourceError(
            f"Expected to read {path}, found by the scan. Received: {error.strerror}; run again"
        ) from None
    if [len(encoded), status.st_mtime_ns] != scanned or status.st_size != len(encoded):
        raise SourceError(
            f"Expected {path} to stay as it is. Received: changed while it was read; run again"
        )
    return encoded


def _prepare(encoded: bytes, image: ImageSpec) -> _View:
    header = read_png_header(encoded)
    pixels = fit_to_spec(decode_grey(encoded), image)
    raw = pixels.tobytes()
    mean, std = cv2.meanStdDev(pixels)
    facts = {
        "source_digest": digest(encoded),
        **asdict(header),
        "mean": float(mean[0, 0]),
        "std": float(std[0, 0]),
        "pixel_digest": digest(raw),
        "image_bytes": len(raw),
        "image_crc32c": crc32c.crc32c(raw),
    }
    return _View(raw, facts)


class _ShardWriter:
    """Appends framed records to a file and keeps the digest of all it wrote."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._num_records = self._offset = 0
        self.digester = Digester()

    def append(self, view_id: str, label: int, image: bytes) -> dict[str, int]:
        """Write one record; return where it lies, as the manifest's columns."""
        payload, image_start = encode_example(view_id, label, image)
        record = frame(payload)
        self._file.write(record)
        self.digester.update(record)
        place = {
            "record_index": self._num_records,
            "record_offset": self._offset,
            "image_offset": self._offset + FRAME_HEADER_BYTES + image_start,
        }
        self._num_records += 1
        self._offset += len(record)
        return place
