"""Engine: shard plans are written by the processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event

import cv2

from ingest.outcomes import OutcomeStore
from ingest.plan import ShardPlan
from ingest.shard import Job, ShardOutcome, write_shard
from shared.errors import LakeError


class _StoppedError(Exception):
    """The run is being given up; nobody waits for this shard."""


def write_shards(
    plans: Sequence[ShardPlan], job: Job, store: OutcomeStore, workers: int
) -> Generator[tuple[ShardPlan, ShardOutcome], None, None]:
    """Write shards in `workers` processes and yield each outcome, kept in `store`, as it comes.

    Raises:
        LakeError: a worker died.
        SourceError: a file of the source vanished.
        OSError: the lake cannot be written.
    """
    # fresh interpreters: polars and OpenCV hold locks and threads that a fork would tear
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(
        max(1, min(workers, len(plans))), context, _set_up_worker, (stop,)
    ) as pool:
        try:
            running = {pool.submit(_write_in_worker, plan, job, store): plan for plan in plans}
            for future in as_completed(running):
                yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise LakeError(
                "A worker process died, perhaps for want of memory. What was finished is kept; "
                f"run again, with fewer than workers={workers} if it happens again"
            ) from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _set_up_worker(stop: Event) -> None:
    """Prepare a worker process: it ends with its parent, and only its parent interrupts it."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


# a spawned worker can be handed its stop event only while it starts
_stop: Event | None = None


def _write_in_worker(plan: ShardPlan, job: Job, store: OutcomeStore) -> ShardOutcome:
    return write_shard(plan, job, _check_stop, lambda outcome: store.save(plan, outcome))


def _check_stop() -> None:
    if _stop and _stop.is_set():
        raise _StoppedError
