"""Run: from a MURA tree to a committed lake."""

import time
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
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
from shared.console import Progress, note, say
from shared.errors import LakeError, SourceError
from shared.files import PARTIAL_SUFFIX, explain_write
from shared.image_spec import ImageSpec
from shared.lake import Lake, commit, open_lake
from shared.layout import LAKE_FILE, LOCK_FILE, is_own_path
from shared.manifest import REJECTS_SCHEMA, SCHEMA

_DIFFERENCES_SHOWN = 5
_HARMLESS = {".DS_Store"}
_UNFINISHED = (PARTIAL_SUFFIX, ".parquet")


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
    _refuse_foreign_folder(root)
    scan = scan_tree(Path(options.root).expanduser())
    _report_scan(scan, compare_with_index(scan))
    plans = plan_shards(scan.views, options.image)
    job = Job(scan.root, root, options.image)
    with hold_lake(root), _no_leftovers(root):
        _announce_replacement(root, options.image)
        outcomes = _write_missing(plans, job, options.workers)
        lake = _commit(job, outcomes)
    show_summary(lake)
    say(
        f"{lake.manifest.height:,} written, {lake.rejects.height:,} rejected, "
        f"in {time.monotonic() - started_s:.1f} s. Lake: {root} (digest {lake.digest})"
    )
    return lake


def _refuse_foreign_folder(root: Path) -> None:
    """Refuse a folder with anything in it that is not a lake's."""
    if root.exists() and not root.is_dir():
        raise LakeError(f"Expected a folder for the lake. Received: the file lake={root}")
    for path in _files(root):
        if not is_own_path(path) and Path(path).name not in _HARMLESS:
            raise LakeError(
                f"Expected an empty folder or a lake. Received: lake={root}, which holds {path}"
            )


@contextmanager
def _no_leftovers(root: Path) -> Generator[None, None, None]:
    """Remove what broken runs left half-written; if this one breaks, all but finished shards."""
    found = _files(root)
    _remove(root, (path for path in found if path.endswith(PARTIAL_SUFFIX)))
    committed = _lake_file(root)
    try:
        yield
    except BaseException:
        is_committed = _lake_file(root) != committed
        new = (path for path in _files(root) if path not in found or path.endswith(PARTIAL_SUFFIX))
        _remove(
            root,
            (p for p in new if p.endswith(PARTIAL_SUFFIX if is_committed else _UNFINISHED)),
        )
        raise


def _lake_file(root: Path) -> bytes | None:
    path = root / LAKE_FILE
    return path.read_bytes() if path.is_file() else None


def _remove(root: Path, paths: Iterable[str]) -> None:
    with explain_write(root):
        for path in paths:
            (root / path).unlink(missing_ok=True)


def _files(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(root).as_posix() for path in found)


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
    _sweep(lake)
    return lake


def _sweep(lake: Lake) -> None:
    """Remove what earlier lakes and broken runs left, and folders that this leaves empty."""
    kept = {*lake.files, LOCK_FILE}
    _remove(lake.root, (p for p in _files(lake.root) if is_own_path(p) and p not in kept))
    for folder in sorted(lake.root.glob("*/**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
