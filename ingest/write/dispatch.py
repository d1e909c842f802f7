"""Dispatch of shards to processes that write them; each result is published and cached."""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial

from ingest.plan import ShardPlan
from ingest.write.executor import Executor
from ingest.write.shard_cache import DecodedShardCache, ShardOutcome
from ingest.write.tasks import Job, PlannedView, ShardTask, WrittenShard
from ingest.write.worker import publish_shard, write_remote_task, write_task
from shared.lake.layout import shard_path
from shared.storage.store import Store

# threads that wait for the disk or the object store in place of the workers
_PUBLISHERS = 4
# maximum number of shards waiting to be published; beyond it, workers wait
_MAX_PUBLISHING = 16


def write_shards(
    plans: Sequence[ShardPlan], job: Job, cache: DecodedShardCache, executor: Executor
) -> Generator[tuple[ShardPlan, ShardOutcome], None, None]:
    """Write shards with an executor; publish, cache and yield each outcome on completion.

    Raises:
        WorkerError: a worker process died or ran out of memory.
        ClusterError: the cluster is not available, or no longer.
        SourceError: a file of the source vanished or changed since the scan.
        WriteError: the lake cannot be written.
    """
    tasks = map(_task, plans)
    # this process publishes the shards of local workers while they decode the next ones; remote
    # workers publish their own, as this host may not see their disk
    write = partial(write_task, job=job)
    if executor.is_remote:
        write = partial(write_remote_task, job=replace(job, lake=job.lake.resolve()))
    executor.start(len(plans))
    with (
        ThreadPoolExecutor(_PUBLISHERS) as publishers,
        closing(executor.map(write, tasks)) as written,
    ):
        publishing: deque[tuple[ShardPlan, Future[ShardOutcome]]] = deque()
        for index, shard in written:
            plan = plans[index]
            publishing.append((plan, publishers.submit(_publish, plan, shard, job.lake, cache)))
            while publishing and (publishing[0][1].done() or len(publishing) > _MAX_PUBLISHING):
                plan, published = publishing.popleft()
                yield plan, published.result()
        for plan, published in publishing:
            yield plan, published.result()


def _task(plan: ShardPlan) -> ShardTask:
    views = plan.views.select(PlannedView._fields)
    return ShardTask(plan.folder, [PlannedView(*row) for row in views.iter_rows()])


def _publish(
    plan: ShardPlan, shard: WrittenShard, lake: Store, cache: DecodedShardCache
) -> ShardOutcome:
    path = shard_path(plan.folder, shard.content_digest)
    outcome = ShardOutcome.of(plan, path, shard)
    cache.save(plan, outcome)
    # the name is a digest of the bytes on the disk, so readers see no shard or a complete one
    publish_shard(shard, lake, path)
    return outcome
