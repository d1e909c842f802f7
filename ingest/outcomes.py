"""Outcomes: what became of each shard plan, kept on this machine so that no work is done twice.

They lie in the user's cache folder and not in the lake, because what tells an unchanged file
without opening it (its time) must not be part of a lake that is the same for the same images.
"""

import hashlib
import io
import os
from importlib.metadata import version
from pathlib import Path

import platformdirs
import polars as pl

from ingest.plan import ShardPlan
from ingest.shard import UNREADABLE, WRITTEN_SCHEMA, Job, ShardOutcome
from shared.console import note
from shared.files import digest, write_atomically
from shared.lake import FORMAT_VERSION
from shared.manifest import REJECTS_SCHEMA
from shared.tfrecord import FRAME_FOOTER_BYTES

_RECORD_END = pl.col("image_offset") + pl.col("image_bytes") + FRAME_FOOTER_BYTES


class OutcomeStore:
    """The outcomes of one source, one lake and one image spec, found again by what was planned.

    Args:
        job: source, lake and image spec.
    """

    def __init__(self, job: Job):
        self._lake = job.lake.resolve()
        self._folder = platformdirs.user_cache_path("mura-lake") / digest(os.fsencode(self._lake))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            note(f"{error.filename} cannot be written, so a later run will decode all again")
        decoder = version("opencv-python-headless")
        self._context = os.fsencode(f"{FORMAT_VERSION} {decoder} {job.image} {job.source}")

    def find(self, plan: ShardPlan) -> ShardOutcome | None:
        """Return the outcome of this very plan, if its shard still lies in the lake.

        A file that could not be read is tried again: a new permission does not change its time.
        """
        try:
            rows = pl.read_parquet(io.BytesIO(self._path(plan).read_bytes()))
        except (OSError, pl.exceptions.PolarsError):
            return None
        written = rows.filter(pl.col("reason").is_null()).select(WRITTEN_SCHEMA.keys())
        rejects = rows.filter(pl.col("reason").is_not_null()).select(REJECTS_SCHEMA.keys())
        if UNREADABLE in rejects["reason"]:
            return None
        ends = written.group_by("shard").agg(_RECORD_END.max())
        if all(_has_size(self._lake / shard, size) for shard, size in ends.iter_rows()):
            return ShardOutcome(written, rejects)
        return None

    def save(self, plan: ShardPlan, outcome: ShardOutcome) -> None:
        """Keep an outcome for the next run, where there is a folder to keep it in."""
        if not self._folder.is_dir():
            return
        sink = io.BytesIO()
        pl.concat([outcome.written, outcome.rejects], how="diagonal").write_parquet(sink)
        write_atomically(self._path(plan), sink.getvalue())

    def keep_only(self, plans: list[ShardPlan]) -> None:
        """Forget the outcomes of all other plans."""
        kept = {self._path(plan) for plan in plans}
        for path in self._folder.glob("*"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def _path(self, plan: ShardPlan) -> Path:
        key = hashlib.sha256(self._context)
        for row in plan.views.select("view_id", "source_bytes", "modified_ns").iter_rows():
            key.update(repr(row).encode())
        return self._folder / f"{key.hexdigest()}.parquet"


def _has_size(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == size_bytes
