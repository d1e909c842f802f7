"""The ingest command: from a tree or table to a committed lake."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

import polars as pl

from ingest.cleanup import clean_up, no_leftovers, refuse_foreign
from ingest.commit import Tables, commit
from ingest.duplicates.exclusions import leave_out, refuse
from ingest.duplicates.findings import find_in_images, find_in_tree, find_patients
from ingest.duplicates.groups import group_patients
from ingest.options import IngestOptions
from ingest.plan import plan_shards
from ingest.scan.index_comparison import compare_with_index
from ingest.scan.read_source import read_source
from ingest.scan.scan_tree import Scan
from ingest.summary import show_scan, show_summary
from ingest.write.executor import Executor
from ingest.write.identity import DICOM_STUDY
from ingest.write.incremental import Decoder
from ingest.write.shard_cache import WRITTEN_SCHEMA, ShardOutcome
from ingest.write.tasks import Job
from shared.console import note, say
from shared.counts import count
from shared.errors import LakeError, SourceError
from shared.lake.layout import LOCK_FILE
from shared.lake.manifest import SCHEMA
from shared.lake.open import Lake, open_lake
from shared.storage.store import as_store


def ingest_tree(options: IngestOptions, executor: Executor) -> Lake:
    """Update the lake from the tree: decode new files, commit, remove old files.

    Raises:
        SourceError: the tree cannot be used, or has forbidden findings or too many rejects.
        LakeError: the lake's folder contains other files, or another ingest is writing to it.
        StoreError: the object store does not respond, or returns an error.
        WorkerError: a worker process died or ran out of memory.
        WriteError: the lake cannot be written.
    """
    started_s = time.monotonic()
    store = as_store(options.lake)
    refuse_foreign(store)
    scan = read_source(options)
    show_scan(scan)
    findings = pl.concat([compare_with_index(scan), find_in_tree(scan.views), scan.findings])
    refuse(findings, options.duplicates, options.split_conflict)
    job = Job(scan.root, store, options.image, scan.layout.names_patients)
    with store.lock(LOCK_FILE), no_leftovers(store), ExitStack() as ends:
        # runs before no_leftovers exits: partial files can be removed only when no worker writes
        ends.callback(executor.kill)
        replaced = _find_replaced(job, scan.views)
        lake, superseded = _update(job, scan, findings, options, executor)
        clean_up(lake, replaced | superseded)
    show_summary(lake, scan.views)
    say(
        f"{lake.manifest.height:,} views, {lake.rejects.height:,} rejected, "
        f"in {time.monotonic() - started_s:.1f} s. Lake: {store} (digest {lake.digest})"
    )
    return lake


def _find_replaced(job: Job, views: pl.DataFrame) -> frozenset[str]:
    """Return the files of the existing lake; print a note if it loses views or other images."""
    try:
        lake = open_lake(job.lake)
    except LakeError:
        return frozenset()
    description = f"lake: {job.lake} has {count(lake.manifest.height, 'views')}"
    num_removed = lake.manifest.join(views, on="view_id", how="anti").height
    # auto accepts the depth that the lake's files have shown
    auto = replace(lake.image, depth=job.image.depth) if job.image.depth == "auto" else lake.image
    if auto != job.image:
        note(f"{description}, stored as {lake.image.to_json()}; it is replaced")
    elif num_removed:
        removed = count(num_removed, "views")
        note(f"{description}; not in the tree or not selected, and therefore removed: {removed}")
    return lake.files


def _update(
    job: Job, scan: Scan, findings: pl.DataFrame, options: IngestOptions, executor: Executor
) -> tuple[Lake, frozenset[str]]:
    decoder = Decoder(job, scan.rejects, options.max_rejects, executor)
    plans = plan_shards(scan.views, job.image)
    first = decoder.decode(plans)
    decoded = decoder.settle_depth(first)
    # the tables below need the workers' memory; workers restart if a shard must be rewritten
    executor.kill()
    readable = _concat_written(decoded.values())
    of_files = readable.filter(pl.col("study_id").str.contains(DICOM_STUDY))
    findings = pl.concat([findings, find_patients(of_files), find_in_images(readable)])
    refuse(findings, options.duplicates, options.split_conflict)
    # excluded views also connect patients: a copied image belongs to both of them
    grouped = group_patients(readable)
    tested = pl.concat(table.select("patient_id", "split") for table in (scan.views, readable))
    left_out = leave_out(grouped, tested.filter(split="valid"), findings, options.duplicates)
    outcomes = decoder.complete([plan.without(left_out["path"]) for plan in plans], decoded)
    executor.kill()
    written = _concat_written(outcomes)
    rejects = pl.concat([*(outcome.rejects for outcome in outcomes), left_out, scan.rejects])
    if written.is_empty():
        path, reason, detail = rejects.row(0)
        raise SourceError(
            f"Expected radiographs. Received: {count(rejects.height, 'rejected files')}, "
            f"such as {path}: {reason}, {detail}"
        )
    groups = grouped.select("patient_id", "group").unique()
    manifest = written.join(groups, on="patient_id").select(SCHEMA.keys())
    if scan.published is not None:
        manifest = manifest.join(scan.published, on="view_id")
    # shards of the first pass that were written again without copies
    superseded = _shards(_concat_written(first.values()), readable) - _shards(written)
    notes = pl.concat(outcome.notes for outcome in outcomes)
    tables = Tables(manifest, rejects, pl.concat([findings, notes]))
    layout = scan.layout.to_json() | scan.drawn
    return commit(job.lake, decoder.image, layout, tables), superseded


def _shards(*tables: pl.DataFrame) -> frozenset[str]:
    return frozenset(shard for table in tables for shard in table["shard"].unique())


def _concat_written(outcomes: Iterable[ShardOutcome]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=WRITTEN_SCHEMA), *(o.written for o in outcomes)])
