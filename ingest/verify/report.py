"""Report of a verification: the verified columns, and files that are not part of the lake."""

from ingest.sources.layout import Layout, View
from shared.console import note, say
from shared.counts import count
from shared.lake.layout import LOCK_FILE
from shared.lake.open import Lake
from shared.storage.store import Store

_HARMLESS = {LOCK_FILE, ".DS_Store"}
_SOURCE_COLUMNS = ("source_bytes", "source_digest", "width_px", "height_px", "channels")


def say_coverage(layout: Layout | None, source: Store | None) -> None:
    """Print the verified columns, and how to verify the others."""
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


def note_other_files(lake: Lake) -> None:
    """Warn about files that `lake.json` does not list: readers of whole folders read them too."""
    existing = {file.path for file in lake.store.list_files()}
    if others := sorted(existing - lake.files - _HARMLESS):
        note(
            f"not listed in lake.json: {count(len(others), 'files')}, such as {others[0]}; "
            "programs that read whole folders read such files, too"
        )
