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

    @property
    def alarms(self) -> list[str]:
        """The sentences of all alarms."""
        return [*self.labels.alarms, *self.copies.alarms, *self.shortcuts.alarms]


def make_page(audited: AuditedRun, options: AuditOptions, sections: Sections) -> str:
    """Return the page of an audit."""
    run = audited.run
    return render(
        _TEMPLATE,
        title=formatting.part_name(order_parts(audited.views["body_part"])),
        run=run,
        alarms=sections.alarms,
        **vars(sections),
        facts_of_run={"run": str(run.folder), "model": run.model, "lake": str(audited.lake.store)},
        facts_of_audit={"hide": options.hide, "sample": options.sample, "seed": options.seed},
    )
