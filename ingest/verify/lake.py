"""The verify command: tables, every byte of the shards, and optionally the source."""

from collections.abc import Iterable

from ingest.options import VerifyOptions
from ingest.sources.layout import View
from ingest.sources.recorded import Layout, read_layout
from ingest.verify.shards import find_damaged_shards
from ingest.verify.source_tree import compare_with_source
from ingest.verify.table import check_table
from shared.console import note, say
from shared.counts import count
from shared.errors import CorruptLakeError, LakeError
from shared.lake.layout import LOCK_FILE
from shared.lake.open import Lake, open_lake
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
    lake = open_lake(options.lake)
    layout = read_layout(lake.layout)
    source = _find_source(options.source, lake, layout) if options.source else None
    _refuse(check_table(lake, layout), "consistent tables", "contradictions", lake)
    with Progress("verify", lake.manifest.height) as progress:
        damages = find_damaged_shards(lake, progress.advance)
        num_shards = lake.manifest["shard"].n_unique()
        _refuse(damages, count(num_shards, "intact shards"), "damaged", lake)
    if source:
        with Progress("compare with source", lake.manifest.height) as progress:
            damages = compare_with_source(lake, source, progress.advance)
            _refuse(damages, f"views equal to {source}", "others", lake)
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


def _refuse(damages: Iterable[str], expected: str, unit: str, lake: Lake) -> None:
    num_damaged = 0
    for damage in damages:
        num_damaged += 1
        note(f"damaged: {damage}")
    if num_damaged:
        raise CorruptLakeError(
            f"Expected {expected}. Received: {count(num_damaged, unit)} in {lake.store}"
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
