"""The functions that a worker process or a cluster node runs; cheap to import."""

import socket
from contextlib import nullcontext
from dataclasses import replace

from ingest.write.tasks import Job, ShardTask, WrittenShard
from shared.errors import ClusterError
from shared.lake.layout import LOCK_FILE, shard_path
from shared.storage.bucket import Bucket
from shared.storage.local import Folder
from shared.storage.store import Store
from shared.storage.temp import no_scratch


def write_task(task: ShardTask, job: Job) -> WrittenShard:
    """Write one shard as `ingest.write.shard.write_shard` does.

    The decoders, slow to import, are imported only here: by workers, not by who hands out tasks.
    """
    from ingest.write.shard import write_shard

    return write_shard(task, job)


def publish_shard(shard: WrittenShard, lake: Store, path: str) -> None:
    """Give a written shard its place in the lake, on the host that wrote it, if it has none yet.

    Raises:
        StoreError: the object store does not respond, or returns an error.
        WriteError: the lake cannot be written.
    """
    if shard.partial and shard.facts:
        lake.publish(shard.partial, path)
    elif shard.partial:
        shard.partial.unlink()


def write_remote_task(task: ShardTask, job: Job) -> WrittenShard:
    """Write one shard on another host, and publish it from there.

    Raises:
        ClusterError: the lake is a folder that this host does not see.
        As `write_task`.
    """
    import cv2

    # a task has one processor of its node
    cv2.setNumThreads(1)
    if isinstance(job.lake, Folder) and not job.lake.sizes([LOCK_FILE]):
        raise ClusterError(
            "Expected the lake in an object store, or in a folder that all nodes share. "
            f"Received: lake={job.lake}, which {socket.gethostname()} does not see"
        )
    with no_scratch(job.lake.scratch) if isinstance(job.lake, Bucket) else nullcontext():
        shard = write_task(task, job)
        publish_shard(shard, job.lake, shard_path(task.folder, shard.content_digest))
    return replace(shard, partial=None)
