"""Outcomes: what became of each shard plan, kept on this machine so that no work is done twice.

They lie in the user's cache folder and not in the lake, because what tells an unchanged file
without opening it (its time) must not be part of a lake that is the same for the same images.
"""

import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs
import polars as pl

from ingest.plan import ShardPlan
from ingest.scan import SCHEMA as SCAN_SCHEMA
from ingest.shard_task import DECIDE_ON_PIXELS, UNREADABLE, Job
from shared.console import note
from shared.errors import WriteError
from shared.files import digest
from shared.lake import FORMAT_VERSION
from shared.manifest import REJECTS_SCHEMA, SCHEMA, encode_table
from shared.sealed import read_sealed, sealed_file
from shared.shards import RECORD_END

WRITTEN_SCHEMA = {name: dtype for name, dtype in SCHEMA.items() if name != "group"}
"""A manifest's columns but `group`, which is known only when all views are."""

_DECODED_SCHEMA = {n: dtype for n, dtype in WRITTEN_SCHEMA.items() if n not in SCAN_SCHEMA}


@dataclass(frozen=True)
class ShardOutcome:
    """What became of a shard plan.

    Attributes:
        written: one row a view, columns as in `WRITTEN_SCHEMA`, sorted by `view_id`.
        rejects: columns as in `shared.manifest.REJECTS_SCHEMA`.
    """

    written: pl.DataFrame
    rejects: pl.DataFrame

    @classmethod
    def of(
        cls,
        plan: ShardPlan,
        shard: str,
        facts: list[dict[str, Any]],
        rejects: list[tuple[str, str, str]],
    ) -> "ShardOutcome":
        """Join what decoding found out of each view to what the scan knew of it."""
        decoded = pl.DataFrame(facts, schema={"view_id": pl.String, **_DECODED_SCHEMA})
        written = plan.views.join(decoded.with_columns(shard=pl.lit(shard)), on="view_id")
        return cls(
            written.select(WRITTEN_SCHEMA.keys()).sort("view_id"),
            pl.DataFrame(rejects, schema=REJECTS_SCHEMA, orient="row"),
        )


class OutcomeStore:
    """The outcomes of one source, one lake and one image spec, found again by what was planned.

    Args:
        job: source, lake and image spec.
    """

    def __init__(self, job: Job):
        self._lake = job.lake.resolve()
        self._folder = platformdirs.user_cache_path("mura-lake") / digest(
            os.fsencode(str(self._lake))
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            note(f"{error.filename} cannot be written, so a later run will decode all again")
        self._paths: dict[ShardPlan, Path] = {}
        versions = {name: version(name) for name in DECIDE_ON_PIXELS}
        self._context = os.fsencode(f"{FORMAT_VERSION} {versions} {job.image} {job.source}")

    def find(self, plan: ShardPlan) -> ShardOutcome | None:
        """Return the outcome of this very plan, if an earlier run has kept it.

        A file that could not be read is tried again: a new permission does not change its time.
        """
        path = self._path(plan)
        encoded = read_sealed(path, path.stem) if self._folder.is_dir() else None
        if encoded is None:
            return None
        rows = pl.read_parquet(io.BytesIO(encoded))
        written = rows.filter(pl.col("reason").is_null()).select(WRITTEN_SCHEMA.keys())
        rejects = rows.filter(pl.col("reason").is_not_null()).select(REJECTS_SCHEMA.keys())
        if UNREADABLE in rejects["reason"]:
            return None
        return ShardOutcome(written, rejects)

    def with_shards(
        self, outcomes: Mapping[ShardPlan, ShardOutcome]
    ) -> dict[ShardPlan, ShardOutcome]:
        """Return those outcomes whose shard lies in the lake, if they have one."""
        ends = {
            plan: dict(outcome.written.group_by("shard").agg(RECORD_END.max()).iter_rows())
            for plan, outcome in outcomes.items()
        }
        there = self._lake.sizes([shard for each in ends.values() for shard in each])
        return {
            plan: outcome
            for plan, outcome in outcomes.items()
            if all(there.get(shard) == size for shard, size in ends[plan].items())
        }

    def save(self, plan: ShardPlan, outcome: ShardOutcome) -> None:
        """Keep an outcome for the next run, where there is a folder to keep it in."""
        if not self._folder.is_dir():
            return
        encoded = encode_table(pl.concat([outcome.written, outcome.rejects], how="diagonal"))
        path = self._path(plan)
        try:
            # a power cut may spoil it: it is found damaged then, and the shard is decoded again
            with sealed_file(path, path.stem, durable=False) as file:
                file.write(encoded)
        except WriteError as error:
            note(f"{error}, or a later run decodes {plan.folder} again")

    def keep_only(self, plans: Iterable[ShardPlan]) -> None:
        """Forget the outcomes of all other plans."""
        kept = {self._path(plan) for plan in plans}
        for path in self._folder.glob("*"):
            if path not in kept:
                # what cannot be removed, such as a folder, is never read either
                with suppress(OSError):
                    path.unlink()

    def _path(self, plan: ShardPlan) -> Path:
        if plan not in self._paths:
            key = hashlib.sha256(self._context + plan.views.write_csv().encode())
            self._paths[plan] = self._folder / f"{key.hexdigest()}.sealed"
        return self._paths[plan]
