"""A cache of decoding results by shard plan, so that a later run decodes only new files."""

import hashlib
import io
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import platformdirs
import polars as pl

from ingest.plan import ShardPlan
from ingest.scan.scan_tree import SCHEMA as SCAN_SCHEMA
from ingest.write.identity import IDENTITY
from ingest.write.tasks import DECIDE_ON_PIXELS, UNREADABLE, Job, WrittenShard
from shared.console import note
from shared.errors import WriteError
from shared.lake.lake_json import FORMAT_VERSION
from shared.lake.manifest import FINDINGS_SCHEMA, REJECTS_SCHEMA, SCHEMA, encode_table, label_name
from shared.lake.shard_rows import RECORD_END
from shared.storage.atomic import digest
from shared.storage.sealed import read_sealed, sealed_file

# without `group`, which is computed from the views of all shards
WRITTEN_SCHEMA = {name: dtype for name, dtype in SCHEMA.items() if name != "group"}

_DECODED = [name for name in WRITTEN_SCHEMA if name not in SCAN_SCHEMA or name in IDENTITY]


@dataclass(frozen=True)
class ShardOutcome:
    """The result of decoding one shard plan.

    Attributes:
        written: columns as in `WRITTEN_SCHEMA`, sorted by `view_id`.
        rejects, notes: columns as in `REJECTS_SCHEMA` and `FINDINGS_SCHEMA`.
    """

    written: pl.DataFrame
    rejects: pl.DataFrame
    notes: pl.DataFrame

    @classmethod
    def of(cls, plan: ShardPlan, path: str, shard: WrittenShard) -> "ShardOutcome":
        """Join the columns from decoding to the columns from the scan."""
        schema = {name: WRITTEN_SCHEMA[name] for name in ("view_id", *_DECODED)}
        decoded = pl.DataFrame(shard.rows, schema=schema)
        written = plan.views.join(decoded.with_columns(shard=pl.lit(path)), on="view_id")
        label = label_name(pl.col("label"))
        study = pl.format("{}/{}/{}", "split", label, "study_id_right")
        # patient and study are those that the file names, or else those of its path
        written = written.with_columns(
            pl.coalesce("patient_id_right", "patient_id").alias("patient_id"),
            pl.coalesce(study, "study_id").alias("study_id"),
        )
        return cls(
            written.select(WRITTEN_SCHEMA.keys()).sort("view_id"),
            pl.DataFrame(shard.rejects, schema=REJECTS_SCHEMA, orient="row"),
            pl.DataFrame(shard.notes, schema=FINDINGS_SCHEMA, orient="row"),
        )


class DecodedShardCache:
    """Cached outcomes of one job (source, lake and image spec), keyed by shard plan."""

    def __init__(self, job: Job):
        self._lake = job.lake.resolve()
        # in the user's cache folder, not in the lake: keys contain the modification times of source
        # files, and a lake must depend only on its images
        self._folder = platformdirs.user_cache_path("mura-lake") / digest(
            os.fsencode(str(self._lake))
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            note(f"{error.filename} cannot be written, so the next run decodes every file again")
        self._paths: dict[ShardPlan, Path] = {}
        versions = {name: version(name) for name in DECIDE_ON_PIXELS}
        self._context = os.fsencode(
            f"{FORMAT_VERSION} {versions} {job.image} {job.names_patients} {job.source}"
        )

    def find(self, plan: ShardPlan) -> ShardOutcome | None:
        """Return the cached outcome of an identical plan, if any."""
        path = self._path(plan)
        encoded = read_sealed(path, path.stem) if self._folder.is_dir() else None
        if encoded is None:
            return None
        rows = pl.read_parquet(io.BytesIO(encoded))
        written = rows.filter(pl.col("path").is_null()).select(WRITTEN_SCHEMA.keys())
        rejects = rows.filter(pl.col("reason").is_not_null()).select(REJECTS_SCHEMA.keys())
        notes = rows.filter(pl.col("kind").is_not_null()).select(FINDINGS_SCHEMA.keys())
        # decoded again, because a new permission does not change the modification time
        if UNREADABLE in rejects["reason"]:
            return None
        return ShardOutcome(written, rejects, notes)

    def with_shards(
        self, outcomes: Mapping[ShardPlan, ShardOutcome]
    ) -> dict[ShardPlan, ShardOutcome]:
        """Return the outcomes with a complete shard in the lake, or with no shard at all."""
        # a truncated shard is shorter than the end of its last record
        expected_bytes = {
            plan: dict(outcome.written.group_by("shard").agg(RECORD_END.max()).iter_rows())
            for plan, outcome in outcomes.items()
        }
        stored_bytes = self._lake.sizes(
            [shard for shards in expected_bytes.values() for shard in shards]
        )
        return {
            plan: outcome
            for plan, outcome in outcomes.items()
            if all(stored_bytes.get(shard) == size for shard, size in expected_bytes[plan].items())
        }

    def save(self, plan: ShardPlan, outcome: ShardOutcome) -> None:
        """Save an outcome for the next run, if the cache folder exists."""
        if not self._folder.is_dir():
            return
        encoded = encode_table(
            pl.concat([outcome.written, outcome.rejects, outcome.notes], how="diagonal")
        )
        path = self._path(plan)
        try:
            # after a power cut the digest reveals a damaged file, and the shard is decoded again
            with sealed_file(path, path.stem, durable=False) as file:
                file.write(encoded)
        except WriteError as error:
            note(f"{error}; the next run decodes {plan.folder} again")

    def paths(self, plans: Iterable[ShardPlan]) -> set[Path]:
        """Return the files with the outcomes of plans."""
        return {self._path(plan) for plan in plans}

    def keep_only(self, needed: Collection[Path]) -> None:
        """Remove all files except some; see `paths`."""
        for path in self._folder.glob("*"):
            if path not in needed:
                # an entry that cannot be removed, such as a folder, is harmless: it is never read
                with suppress(OSError):
                    path.unlink()

    def _path(self, plan: ShardPlan) -> Path:
        if plan not in self._paths:
            key = hashlib.sha256(self._context + plan.views.write_csv().encode())
            self._paths[plan] = self._folder / f"{key.hexdigest()}.sealed"
        return self._paths[plan]
