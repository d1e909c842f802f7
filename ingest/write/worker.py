"""Functions run by worker processes and cluster nodes; cheap to import."""

import socket
from dataclasses import replace

from ingest.write.tasks import Job, ShardTask, WrittenShard
from shared.errors import ClusterError
from shared.lake.layout import LOCK_FILE, shard_path
from shared.storage.store import Store


def write_task(task: ShardTask, job: Job) -> WrittenShard:
    """Write one shard as `ingest.write.shard.write_shard` does."""
    # the decoders are slow to import, so only workers import them, not the main process
    from ingest.write.shard import write_shard

    return write_shard(task, job)


def publish_shard(shard: WrittenShard, lake: Store, path: str) -> None:
    """Move a written shard into the lake, from the host that wrote it; remove it if empty.

    Raises:
        StoreError: the object store does not respond, or returns an error.
        WriteError: the lake cannot be written.
    """
    if shard.partial and shard.rows:
        lake.publish(shard.partial, path)
    elif shard.partial:
        shard.partial.unlink()


def write_remote_task(task: ShardTask, job: Job) -> WrittenShard:
    """Write one shard on another host, and publish it from there.

    Raises:
        ClusterError: the lake is a folder that this host cannot access.
        As `write_task`.
    """
    import cv2

    # Ray assigns one processor to a task
    cv2.setNumThreads(1)
    # the main process has created the lock file, so its absence shows another disk
    if job.lake.is_local and not job.lake.sizes([LOCK_FILE]):
        raise ClusterError(
            "Expected the lake in an object store, or in a folder that all nodes share. "
            f"Received: lake={job.lake}, which {socket.gethostname()} cannot access"
        )
    with job.lake.discard_partial_files():
        shard = write_task(task, job)
        publish_shard(shard, job.lake, shard_path(task.folder, shard.content_digest))
    return replace(shard, partial=None)
