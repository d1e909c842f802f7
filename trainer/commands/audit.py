"""Audit a cross-validation: write a page and tables on labels, copies, shortcuts and outliers."""

from pathlib import Path

from shared.console import note, say
from shared.errors import UsageError
from shared.storage.atomic import write_atomically
from shared.storage.store import as_path
from trainer.audit.audited_run import open_audited_run
from trainer.audit.copies.section import audit_copies
from trainer.audit.labels.section import audit_labels
from trainer.audit.outliers import audit_outliers
from trainer.audit.page import Sections, make_page
from trainer.audit.pixel_scan import scan_views
from trainer.audit.shortcuts.section import audit_shortcuts
from trainer.options import AuditOptions
from trainer.runs.saved.saved_run import SavedRun


def audit(options: AuditOptions) -> None:
    """Write the audit of a run into a new folder and print its alarms."""
    audited = open_audited_run(options)
    out = _choose_folder(options, audited.run)
    with_images = options.images == "on"
    scan = scan_views(audited.lake, audited.views)
    note("audit: labels")
    labels = audit_labels(audited, with_images)
    note("audit: copies")
    copies = audit_copies(audited, scan, with_images)
    note("audit: shortcuts")
    shortcuts = audit_shortcuts(audited, scan, options)
    note("audit: outliers")
    sections = Sections(labels, copies, shortcuts, audit_outliers(audited, options))
    tables = {
        "suspects.csv": sections.labels.suspects,
        "copies.csv": sections.copies.copies,
        "shortcuts.csv": sections.shortcuts.to_table(),
        "outliers.csv": sections.outliers.table,
    }
    for name, table in tables.items():
        write_atomically(out / name, table.write_csv(float_precision=4).encode())
    page = make_page(audited, options, sections)
    write_atomically(out / "audit.html", page.encode())
    for alarm in sections.alarms:
        say(f"alarm: {alarm}")
    say(f"report: {out / 'audit.html'}")


def _choose_folder(options: AuditOptions, run: SavedRun) -> Path:
    out = as_path("out", options.out) if options.out else run.folder / "audit"
    # a person may have edited the tables of an existing one
    if out.exists():
        raise UsageError(f"Expected a folder that does not exist. Received: out={out}")
    return out
