"""The page of an audit: verdict and results of all sections in one self-contained file."""

from dataclasses import dataclass
from pathlib import Path

from shared.labels import order_parts
from trainer.audit.audited_run import AuditedRun
from trainer.audit.copies.section import CopySection
from trainer.audit.labels.section import LabelSection
from trainer.audit.outliers import OutlierSection
from trainer.audit.shortcuts.section import ShortcutSection
from trainer.options import AuditOptions
from trainer.report.template import render
from trainer.report.text import formatting

_TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True)
class Sections:
    """The results of an audit."""

    labels: LabelSection
    copies: CopySection
    shortcuts: ShortcutSection
    outliers: OutlierSection


def make_page(audited: AuditedRun, options: AuditOptions, sections: Sections) -> str:
    """Return the page of an audit from the results of its sections."""
    run = audited.run
    labels, copies, shortcuts = sections.labels, sections.copies, sections.shortcuts
    parts = order_parts(audited.views["body_part"])
    return render(
        _TEMPLATE,
        title=formatting.part_name(parts),
        run=run,
        alarms=[*labels.alarms, *copies.alarms, *shortcuts.alarms],
        **vars(sections),
        facts_of_run={"run": str(run.folder), "model": run.model, "lake": str(audited.lake.store)},
        facts_of_audit={"hide": options.hide, "sample": options.sample, "seed": options.seed},
    )
