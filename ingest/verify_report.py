"""Verify report: which columns were verified, and files that are not the lake's own."""

from ingest.layouts.layout import Layout
from shared.bucket import Bucket
from shared.console import note, say
from shared.lake import Lake
from shared.layout import LOCK_FILE
from shared.store import Store

_HARMLESS = {LOCK_FILE, ".DS_Store"}
_OF_FILES = ("source_bytes", "source_digest", "width_px", "height_px", "channels")


def say_extent(layout: Layout | None, source: Store | None) -> None:
    """Say which columns were verified, and how to verify the others."""
    verified = "records, checksums, positions, pixel_digest, mean, std"
    if layout:
        verified += ", split, body_part, label, patient_id, study_id, group"
    if source:
        verified += f", {', '.join(_OF_FILES)}"
    say(f"verified: {verified}")
    if not layout:
        say(
            "not verified: patient_id, study_id, group; lake.json does not record the layout, "
            "which `just ingest` adds"
        )
    if not source:
        say(f"not verified, only checked for their range: {', '.join(_OF_FILES)}; source=ROOT does")


def note_other_files(lake: Lake) -> None:
    """Say so if there are files that the lake does not name: readers of whole folders take them."""
    if isinstance(lake.store, Bucket):
        there = {file.path for file in lake.store.list_files()}
    else:
        root = lake.store.root
        there = {p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir()}
    if others := sorted(there - lake.files - _HARMLESS):
        note(
            f"{len(others):,} files beside the lake's own, such as {others[0]}: "
            "lake.json does not name them, but readers of whole folders take them too"
        )
