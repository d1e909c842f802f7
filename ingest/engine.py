"""Engine: shard plans are written by the processes of this machine."""

from collections.abc import Generator, Sequence
from functools import partial

from ingest.outcomes import OutcomeStore
from ingest.plan import ShardPlan
from ingest.pool import map_in_processes
from ingest.shard import Job, ShardOutcome, write_shard


def write_shards(
    plans: Sequence[ShardPlan], job: Job, store: OutcomeStore, workers: int
) -> Generator[tuple[ShardPlan, ShardOutcome], None, None]:
    """Write shards in `workers` processes and yield each outcome, kept in `store`, as it comes.

    Raises:
        WorkerError: a worker process died or ran out of memory.
        SourceError: a file of the source vanished or changed since the scan.
        WriteError: the lake cannot be written.
    """
    return map_in_processes(partial(_write, job=job, store=store), plans, workers)


def _write(plan: ShardPlan, job: Job, store: OutcomeStore) -> ShardOutcome:
    return write_shard(plan, job, lambda outcome: store.save(plan, outcome))
