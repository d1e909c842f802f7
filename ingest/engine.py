"""Engine: shard plans are written by the processes of this machine, and published by this one."""

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from ingest.outcomes import OutcomeStore, ShardOutcome
from ingest.plan import ShardPlan
from ingest.pool import map_in_processes
from ingest.shard import Job, PlannedView, ShardTask, WrittenShard, write_shard
from shared.files import publish
from shared.layout import shard_path


def write_shards(
    plans: Sequence[ShardPlan], job: Job, store: OutcomeStore, workers: int
) -> Generator[tuple[ShardPlan, ShardOutcome], None, None]:
    """Write shards in `workers` processes and yield each outcome, kept in `store`, as it comes.

    A shard gets its name, the digest of its bytes, only when it is on the disk and its outcome is
    kept; so it appears whole or not at all. This process does both while the others decode.

    Raises:
        WorkerError: a worker process died or ran out of memory.
        SourceError: a file of the source vanished or changed since the scan.
        WriteError: the lake cannot be written.
    """
    tasks = [_task(plan) for plan in plans]
    with closing(map_in_processes(partial(write_shard, job=job), tasks, workers)) as written:
        for index, shard in written:
            yield plans[index], _publish(plans[index], shard, job.lake, store)


def _task(plan: ShardPlan) -> ShardTask:
    views = plan.views.select(PlannedView._fields)
    return ShardTask(plan.folder, [PlannedView(*row) for row in views.iter_rows()])


def _publish(plan: ShardPlan, shard: WrittenShard, lake: Path, store: OutcomeStore) -> ShardOutcome:
    path = shard_path(plan.folder, shard.content_digest)
    outcome = ShardOutcome.of(plan, path, shard.facts, shard.rejects)
    store.save(plan, outcome)
    if shard.facts:
        publish(shard.partial, lake / path)
    else:
        shard.partial.unlink()
    return outcome
