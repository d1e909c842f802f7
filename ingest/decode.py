"""Decode: what became of each shard plan, known from an earlier run or written now."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from ingest.engine import write_shards
from ingest.outcomes import OutcomeStore, ShardOutcome
from ingest.plan import ShardPlan
from ingest.pool import Crew
from ingest.shard_task import Job
from shared.console import Progress, note
from shared.errors import SourceError


class Decoder:
    """Turns plans into outcomes, decoding nothing twice.

    Args:
        job: source, lake and image spec.
        reject_limit: how many files may be no radiographs, None for any number.
        crew: the processes that decode.
    """

    def __init__(self, job: Job, reject_limit: int | None, crew: Crew):
        self._job, self._reject_limit, self._crew = job, reject_limit, crew
        self._store = OutcomeStore(job)

    def decode(self, plans: Sequence[ShardPlan]) -> dict[ShardPlan, ShardOutcome]:
        """Return the outcome of each plan; whether a known one's shard is still there is left open.

        Raises:
            SourceError: more files are rejected than allowed, or a file vanished or changed.
            WorkerError: a worker process died.
            OSError: the lake cannot be written.
        """
        found = {plan: self._store.find(plan) for plan in plans}
        known = {plan: outcome for plan, outcome in found.items() if outcome}
        if num_whole := sum(map(self._store.has_shard, known.values())):
            note(f"decode: {num_whole:,} of {len(plans):,} shards are up to date")
        return self._write([plan for plan in plans if plan not in known], known)

    def complete(
        self, plans: Sequence[ShardPlan], known: dict[ShardPlan, ShardOutcome]
    ) -> list[ShardOutcome]:
        """Return the outcomes of plans, every shard in the lake, and keep no others for later.

        Args:
            plans: those that make the lake.
            known: what `decode` returned, of these plans or of others.

        Raises:
            As `decode`.
        """
        whole: dict[ShardPlan, ShardOutcome] = {}
        for plan in plans:
            outcome = known.get(plan) or self._store.find(plan)
            if outcome and self._store.has_shard(outcome):
                whole[plan] = outcome
        outcomes = self._write([plan for plan in plans if plan not in whole], whole)
        self._store.keep_only([*plans, *known])
        return list(outcomes.values())

    def _write(
        self, plans: list[ShardPlan], known: dict[ShardPlan, ShardOutcome]
    ) -> dict[ShardPlan, ShardOutcome]:
        """Write shards, and return their outcomes beside the known ones."""
        outcomes = dict(known)
        self._check_rejects(outcomes)
        if not plans:
            return outcomes
        shards = write_shards(plans, self._job, self._store, self._crew)
        with (
            Progress("decode", sum(plan.views.height for plan in plans)) as progress,
            closing(shards) as written,
        ):
            for plan, outcome in written:
                outcomes[plan] = outcome
                progress.advance(plan.views.height)
                self._check_rejects(outcomes)
        return outcomes

    def _check_rejects(self, outcomes: dict[ShardPlan, ShardOutcome]) -> None:
        limit = self._reject_limit
        rejects = [row for outcome in outcomes.values() for row in outcome.rejects.iter_rows()]
        if limit is None or len(rejects) <= limit:
            return
        path, reason, detail = min(rejects)
        by_reason = Counter(reason for _, reason, _ in rejects).most_common()
        raise SourceError(
            f"Expected at most {limit:,} files that are no radiographs. Received: {len(rejects):,} "
            f"so far ({', '.join(f'{n:,} {why}' for why, n in by_reason)}), "
            f"such as {path}: {reason}, {detail}"
        )
