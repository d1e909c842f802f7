"""Run: from a MURA tree to a committed lake."""

import time
from contextlib import closing
from pathlib import Path

import polars as pl

from ingest.engine import write_shards
from ingest.groups import group_patients
from ingest.index import Differences, compare_with_index
from ingest.lock import hold_lake
from ingest.options import IngestOptions
from ingest.outcomes import OutcomeStore
from ingest.plan import ShardPlan, plan_shards
from ingest.scan import Scan, scan_tree
from ingest.shard import WRITTEN_SCHEMA, Job, ShardOutcome
from ingest.summary import show_summary
from ingest.sweep import no_leftovers, refuse_foreign_folder, sweep
from shared.console import Progress, note, say
from shared.errors import LakeError, SourceError
from shared.image_spec import ImageSpec
from shared.lake import Lake, commit, open_lake
from shared.manifest import REJECTS_SCHEMA, SCHEMA

_DIFFERENCES_SHOWN = 5


def ingest_tree(options: IngestOptions) -> Lake:
    """Bring the lake up to date with the tree: decode what is new, commit, sweep what is old.

    Raises:
        SourceError: the tree cannot be used.
        LakeError: the lake's folder holds something else, or another ingest writes it.
        WorkerError: a worker process died or ran out of memory.
        WriteError: the lake cannot be written.
    """
    started_s = time.monotonic()
    root = Path(options.lake).expanduser()
    refuse_foreign_folder(root)
    scan = scan_tree(Path(options.root).expanduser())
    _report_scan(scan, compare_with_index(scan))
    plans = plan_shards(scan.views, options.image)
    job = Job(scan.root, root, options.image)
    with hold_lake(root), no_leftovers(root):
        _announce_replacement(root, options.image)
        outcomes = _write_missing(plans, job, options.workers)
        lake = _commit(job, outcomes)
    show_summary(lake)
    say(
        f"{lake.manifest.height:,} written, {lake.rejects.height:,} rejected, "
        f"in {time.monotonic() - started_s:.1f} s. Lake: {root} (digest {lake.digest})"
    )
    return lake


def _announce_replacement(root: Path, image: ImageSpec) -> None:
    """Say when a lake made otherwise is about to be replaced; a damaged one is replaced too."""
    try:
        lake = open_lake(root)
    except LakeError:
        return
    if lake.image != image:
        note(f"lake: {root} held {lake.manifest.height:,} views as {lake.image}; it is replaced")


def _report_scan(scan: Scan, differences: Differences) -> None:
    note(f"scan: {scan.views.height:,} views in {scan.root}")
    for kind, number in scan.num_ignored.items():
        note(f"scan: {number:,} ignored: {kind}")
    for what, paths in (
        ("listed in the index but missing", differences.missing),
        ("in the tree but unlisted", differences.unlisted),
        ("labelled otherwise by the index; the folder counts", differences.label_conflicts),
    ):
        if paths:
            shown = ", ".join(paths[:_DIFFERENCES_SHOWN])
            more = f" and {len(paths) - _DIFFERENCES_SHOWN:,} more"
            note(
                f"index: {len(paths):,} {what}: {shown}{more if paths[_DIFFERENCES_SHOWN:] else ''}"
            )


def _write_missing(plans: list[ShardPlan], job: Job, workers: int) -> list[ShardOutcome]:
    """Write the shards that no earlier run has written; return the outcomes of all."""
    store = OutcomeStore(job)
    found = [(plan, store.find(plan)) for plan in plans]
    outcomes = [outcome for _, outcome in found if outcome]
    missing = [plan for plan, outcome in found if not outcome]
    if outcomes:
        note(f"decode: {len(outcomes):,} of {len(plans):,} shards are up to date")
    with (
        Progress("decode", sum(plan.views.height for plan in missing)) as progress,
        closing(write_shards(missing, job, store, workers)) as written,
    ):
        for plan, outcome in written:
            outcomes.append(outcome)
            progress.advance(plan.views.height)
    store.keep_only(plans)
    return outcomes


def _commit(job: Job, outcomes: list[ShardOutcome]) -> Lake:
    written = pl.concat([pl.DataFrame(schema=WRITTEN_SCHEMA), *(o.written for o in outcomes)])
    rejects = pl.concat([pl.DataFrame(schema=REJECTS_SCHEMA), *(o.rejects for o in outcomes)])
    if written.is_empty():
        _, reason, detail = rejects.row(0)
        raise SourceError(
            "Expected radiographs. "
            f"Received: {rejects.height} files, all rejected, the first as {reason}: {detail}"
        )
    manifest = group_patients(written).select(SCHEMA.keys())
    lake = commit(job.lake, job.image, manifest, rejects)
    sweep(lake)
    return lake
