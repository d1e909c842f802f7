"""Incremental decoding: shard results come from the cache of an earlier run or are computed."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl

from ingest.plan import ShardPlan
from ingest.write.dispatch import write_shards
from ingest.write.executor import Executor
from ingest.write.shard_cache import DecodedShardCache, ShardOutcome
from ingest.write.tasks import Job
from shared.console import note
from shared.counts import count
from shared.errors import SourceError
from shared.images.depth import UNKNOWN_DEPTH
from shared.images.radiograph import NO_IMAGE
from shared.images.spec import ImageSpec
from shared.progress import Progress

# reject reasons that do not count for `max_rejects`
_NO_FAILURES = (NO_IMAGE, UNKNOWN_DEPTH)


class Decoder:
    """Turns shard plans into outcomes, without decoding any view twice.

    Args:
        rejects: files that were rejected before.
        max_rejects: of the scan and of the decoder together; None for no limit.
    """

    def __init__(
        self, job: Job, rejects: pl.DataFrame, max_rejects: int | None, executor: Executor
    ):
        self._job, self._executor = job, executor
        self._rejects, self._max_rejects = rejects, max_rejects
        self._cache = DecodedShardCache(job)
        self._written: set[ShardPlan] = set()
        self._of_other_depth: set[Path] = set()

    @property
    def image(self) -> ImageSpec:
        """Specification of the stored images."""
        return self._job.image

    def decode(self, plans: Sequence[ShardPlan]) -> dict[ShardPlan, ShardOutcome]:
        """Return the outcome of each plan; a cached outcome's shard may be missing from the lake.

        Raises:
            SourceError: more files are rejected than allowed, or a file vanished or changed.
            WorkerError: a worker process died.
            WriteError: the lake cannot be written.
        """
        cached = {plan: found for plan in plans if (found := self._cache.find(plan))}
        return self._write([plan for plan in plans if plan not in cached], cached)

    def settle_depth(self, decoded: dict[ShardPlan, ShardOutcome]) -> dict[ShardPlan, ShardOutcome]:
        """Find the depth of 16-bit PNG files, if any, and decode the plans again with it.

        Raises:
            As `decode`.
        """
        # with depth=auto, each 16-bit file is rejected, and the detail is the depth that it needs
        rejects = pl.concat([outcome.rejects for outcome in decoded.values()])
        found = rejects.filter(reason=UNKNOWN_DEPTH)["detail"]
        if found.is_empty():
            return decoded
        num_files = dict(found.value_counts().iter_rows())
        # the fewest bits that hold every sample: one scale keeps the files comparable
        depth = max(num_files, key=int)
        needed = sorted(num_files, key=int)
        shown = ", ".join(f"{bits} bits: {count(num_files[bits], 'files')}" for bits in needed)
        note(f"depth: {depth} bits for all 16-bit PNG files; smallest depth by file: {shown}")
        self._of_other_depth = self._cache.paths(decoded)
        self._job = replace(self._job, image=replace(self._job.image, depth=depth))
        self._cache = DecodedShardCache(self._job)
        return self.decode(list(decoded))

    def complete(
        self, plans: Sequence[ShardPlan], decoded: dict[ShardPlan, ShardOutcome]
    ) -> list[ShardOutcome]:
        """Return the outcomes of the final plans, with every shard in the lake; prune the cache.

        Args:
            decoded: outcomes from `decode`, of these or other plans.

        Raises:
            As `decode`.
        """
        known = {
            plan: found for plan in plans if (found := decoded.get(plan) or self._cache.find(plan))
        }
        complete = self._cache.with_shards(known)
        if num_complete := len(complete.keys() - self._written):
            note(f"decode: {num_complete:,} of {count(len(plans), 'shards')} up to date")
        outcomes = self._write([plan for plan in plans if plan not in complete], complete)
        self._cache.keep_only(self._cache.paths([*plans, *decoded]) | self._of_other_depth)
        return list(outcomes.values())

    def _write(
        self, plans: list[ShardPlan], finished: dict[ShardPlan, ShardOutcome]
    ) -> dict[ShardPlan, ShardOutcome]:
        outcomes = dict(finished)
        self._check_rejects(outcomes)
        if not plans:
            return outcomes
        shards = write_shards(plans, self._job, self._cache, self._executor)
        with (
            Progress("decode", sum(plan.views.height for plan in plans)) as progress,
            closing(shards) as written,
        ):
            for plan, outcome in written:
                outcomes[plan] = outcome
                self._written.add(plan)
                progress.advance(plan.views.height)
                self._check_rejects(outcomes)
        return outcomes

    def _check_rejects(self, outcomes: dict[ShardPlan, ShardOutcome]) -> None:
        limit = self._max_rejects
        if limit is None:
            return
        tables = (self._rejects, *(outcome.rejects for outcome in outcomes.values()))
        failed = ~pl.col("reason").is_in(_NO_FAILURES)
        rejects = [row for table in tables for row in table.filter(failed).iter_rows()]
        if len(rejects) <= limit:
            return
        path, reason, detail = min(rejects)
        by_reason = Counter(reason for _, reason, _ in rejects).most_common()
        raise SourceError(
            f"Expected at most {count(limit, 'rejected files')}. Received: {len(rejects):,} "
            f"so far ({', '.join(f'{n:,} {why}' for why, n in by_reason)}), "
            f"such as {path}: {reason}, {detail}"
        )
