"""The section on copies: pairs of views with the same image, and the score without leaks."""

from dataclasses import dataclass

import polars as pl

from shared.counts import count
from shared.lake.reader import ViewReader
from trainer.audit.audited_run import AuditedRun, Picture
from trainer.audit.copies.copies_table import KINDS, describe_copies, find_leaking
from trainer.audit.copies.find_copies import find_copies
from trainer.audit.pixel_scan import PixelScan
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.scored_table import to_arrays
from trainer.report.text.formatting import set_name

_NUM_PAIRS = 6


@dataclass(frozen=True)
class Leak:
    """The view AUROC of a set, with and without the views that have a copy in the training data."""

    role: str
    num_leaking: int
    auroc: float | None
    auroc_without: float | None


@dataclass(frozen=True)
class CopySection:
    """The results on copies: content of `copies.csv`, and pictures of the first pairs."""

    copies: pl.DataFrame
    by_kind: list[dict[str, object]]
    leaks: list[Leak]
    pairs: list[tuple[Picture, ...]]

    @property
    def alarms(self) -> list[str]:
        """The sentences of alarms."""
        leaking = [
            f"{count(leak.num_leaking, f'{set_name(leak.role)} views')} had copies among the "
            "training views of other patients."
            for leak in self.leaks
            if leak.num_leaking
        ]
        both_labels = self.copies.filter(~pl.col("same_label")).height
        if both_labels:
            leaking.append(f"{count(both_labels, 'pairs')} of copies have different labels.")
        return leaking


def audit_copies(audited: AuditedRun, scan: PixelScan, with_images: bool) -> CopySection:
    """Find copies among the views of a run, and score the sets without leaks."""
    views = audited.views
    with ViewReader(audited.lake, views) as reader:
        found = find_copies(scan.bits, scan.details, lambda rows: reader.read(rows)[..., 0])
    copies = describe_copies(found, views)
    shown = copies.head(_NUM_PAIRS if with_images else 0)
    pairs = [audited.show(pair) for pair in shown.select("view", "copy").iter_rows()]
    leaking = find_leaking(copies, views)
    roles: list[str] = sorted(views["role"].unique())
    leaks = [_measure(role, views.filter(role=role), leaking) for role in roles]
    return CopySection(copies, _count_kinds(copies), leaks, pairs)


def _measure(role: str, views: pl.DataFrame, leaking: set[str]) -> Leak:
    clean = views.filter(~pl.col("view_id").is_in(leaking))
    aurocs = [measure_auroc(*to_arrays(own)) for own in (views, clean)]
    return Leak(role, views.height - clean.height, *aurocs)


def _count_kinds(copies: pl.DataFrame) -> list[dict[str, object]]:
    columns = ("same_patient", "same_split", "same_label")
    counted = copies.group_by("kind").agg(
        pl.len().alias("pairs"), *((~pl.col(column)).sum() for column in columns), pl.sum("leaks")
    )
    return counted.with_columns(pl.col("kind").replace(KINDS)).sort("kind").to_dicts()
