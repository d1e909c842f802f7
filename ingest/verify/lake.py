"""The verify command: tables, every byte of the shards, and optionally the source."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.options import VerifyOptions
from ingest.sources.layout import Layout
from ingest.sources.recorded import read_layout
from ingest.verify.report import note_other_files, say_coverage
from ingest.verify.shards import verify_shards
from ingest.verify.source_tree import compare_with_source
from ingest.verify.table import check_table
from shared.console import note, say
from shared.counts import count
from shared.errors import CorruptLakeError, LakeError
from shared.lake.download_cache import ShardCache
from shared.lake.open import Lake, open_lake
from shared.lake.shard_rows import RECORD_END
from shared.progress import Progress
from shared.storage.store import Store, as_store


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
    note_other_files(lake)
    say(
        f"{lake.store} is intact: {count(lake.manifest.height, 'views')} in "
        f"{count(lake.manifest['shard'].n_unique(), 'shards')}, "
        f"{count(lake.rejects.height, 'rejected files')} recorded (digest {lake.digest})"
    )
    say_coverage(layout, source)


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
