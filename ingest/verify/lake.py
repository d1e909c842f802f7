"""The verify command: tables, every byte of the shards, and optionally the source."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.options import VerifyOptions
from ingest.sources.layout import Layout, View
from ingest.sources.recorded import read_layout
from ingest.verify.shards import verify_shards
from ingest.verify.source_tree import compare_with_source
from ingest.verify.table import check_table
from shared.console import note, say
from shared.counts import count
from shared.errors import CorruptLakeError, LakeError
from shared.lake.download_cache import ShardCache
from shared.lake.layout import LOCK_FILE
from shared.lake.open import Lake, open_lake
from shared.lake.shard_rows import RECORD_END
from shared.progress import Progress
from shared.storage.store import Store, as_store

_HARMLESS = {LOCK_FILE, ".DS_Store"}
_SOURCE_COLUMNS = ("source_bytes", "source_digest", "width_px", "height_px", "channels")


def verify_lake(options: VerifyOptions) -> None:
    """Verify tables and every record of a lake, and list damaged shards.

    Raises:
        LakeError: the lake does not exist, or an ingest replaced it during verification.
        CorruptLakeError: a table, shard or source file differs.
    """
    with TemporaryDirectory() as folder:
        lake = open_lake(options.lake)
        layout = read_layout(lake.layout)
        source = _find_source(options.source, lake, layout) if options.source else None
        if not lake.store.is_local:
            # room for one shard: each download replaces the previous one
            largest_bytes = lake.manifest.select(RECORD_END.max()).item() or 0
            cache = ShardCache(Path(folder), largest_bytes, shows_progress=False)
            lake = replace(lake, cache=cache)
        damages = check_table(lake, layout)
        for damage in damages:
            note(f"damaged: {damage}")
        if damages:
            raise CorruptLakeError(
                f"Expected consistent tables. Received: "
                f"{count(len(damages), 'contradictions')} in {lake.store}"
            )
        verify_shards(lake)
        if source:
            _verify_source(lake, source)
    _note_other_files(lake)
    say(
        f"{lake.store} is intact: {count(lake.manifest.height, 'views')} in "
        f"{count(lake.manifest['shard'].n_unique(), 'shards')}, "
        f"{count(lake.rejects.height, 'rejected files')} recorded (digest {lake.digest})"
    )
    _say_coverage(layout, source)


def _find_source(place: str, lake: Lake, layout: Layout | None) -> Store:
    if layout is None:
        raise LakeError(
            "Expected a lake whose lake.json records its layout; `just ingest` records it. "
            f"Received: lake={lake.store}, written by an older version"
        )
    return layout.find_root(as_store(place))


def _verify_source(lake: Lake, source: Store) -> None:
    num_damaged = 0
    with Progress("compare with source", lake.manifest.height) as progress:
        for damage in compare_with_source(lake, source, progress.advance):
            num_damaged += 1
            note(f"damaged: {damage}")
    if num_damaged:
        raise CorruptLakeError(
            f"Expected views equal to {source}. "
            f"Received: {count(num_damaged, 'others')} in {lake.store}"
        )


def _say_coverage(layout: Layout | None, source: Store | None) -> None:
    verified = "records, checksums, positions, pixel_digest, mean, std"
    if layout:
        in_paths = [name for name in View._fields if name not in layout.not_in_paths]
        verified += "".join(f", {name}" for name in in_paths)
        verified += ", group" if "patient_id" in in_paths else ""
    if source:
        verified += f", {', '.join(_SOURCE_COLUMNS)}"
    say(f"verified: {verified}")
    if not layout:
        say(
            "not verified: patient_id, study_id, group; lake.json does not record the layout; "
            "`just ingest` adds it"
        )
    elif layout.not_in_paths:
        say(f"not verified: {', '.join(layout.not_in_paths)}; paths do not contain them")
    if not source:
        say(
            f"checked only for their range: {', '.join(_SOURCE_COLUMNS)}; source=ROOT verifies them"
        )


def _note_other_files(lake: Lake) -> None:
    # readers of whole folders read them too
    existing = {file.path for file in lake.store.list_files()}
    if others := sorted(existing - lake.files - _HARMLESS):
        note(
            f"not listed in lake.json: {count(len(others), 'files')}, such as {others[0]}; "
            "programs that read whole folders read such files, too"
        )
