"""The section on copies: pairs of views with the same image, and the score without leaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from shared.counts import count
from shared.lake.reader import ViewReader
from trainer.audit.audited_run import AuditedRun, Picture
from trainer.audit.copies.copies_table import KINDS, describe_copies, find_leaking
from trainer.audit.copies.find_copies import find_copies
from trainer.audit.pixel_scan import ViewScan
from trainer.evaluation.metrics import measure_auroc
from trainer.evaluation.scored_table import to_arrays
from trainer.report.text.formatting import set_name

_NUM_PAIRS = 6


@dataclass(frozen=True)
class CopySection:
    """The results on copies.

    Attributes:
        copies: content of `copies.csv`.
        leaks: by set, `num_leaking`, the number of views with a copy in the training data, and the
            view AUROC with and without them.
        pairs: pictures of the first pairs.
    """

    copies: pl.DataFrame
    by_kind: list[dict[str, object]]
    leaks: dict[str, dict[str, Any]]
    pairs: list[tuple[Picture, ...]]

    @property
    def alarms(self) -> list[str]:
        """The sentences of alarms."""
        leaking = [
            f"{count(leak['num_leaking'], f'{set_name(role)} views')} had copies among the "
            "training views of other patients."
            for role, leak in self.leaks.items()
            if leak["num_leaking"]
        ]
        both_labels = self.copies.filter(~pl.col("same_label")).height
        if both_labels:
            leaking.append(f"Copies with different labels: {count(both_labels, 'pairs')}.")
        return leaking


def audit_copies(audited: AuditedRun, scan: Sequence[ViewScan], with_images: bool) -> CopySection:
    """Find copies among the views of a run, and score the sets without leaks."""
    views = audited.views
    with ViewReader(audited.lake, views) as reader:
        bits, details = np.stack([s.bits for s in scan]), np.stack([s.detail for s in scan])
        found = find_copies(bits, details, lambda rows: reader.read(rows)[..., 0])
    copies = describe_copies(found, views)
    shown = copies.head(_NUM_PAIRS if with_images else 0)
    pairs = [audited.show(pair) for pair in shown.select("view", "copy").iter_rows()]
    leaking = find_leaking(copies, views)
    roles: list[str] = sorted(views["role"].unique())
    leaks = {role: _measure_leak(views.filter(role=role), leaking) for role in roles}
    return CopySection(copies, _count_kinds(copies), leaks, pairs)


def _measure_leak(views: pl.DataFrame, leaking: set[str]) -> dict[str, Any]:
    clean = views.filter(~pl.col("view_id").is_in(leaking))
    return {
        "num_leaking": views.height - clean.height,
        "auroc": measure_auroc(*to_arrays(views)),
        "auroc_without": measure_auroc(*to_arrays(clean)),
    }


def _count_kinds(copies: pl.DataFrame) -> list[dict[str, object]]:
    columns = ("same_patient", "same_split", "same_label")
    counted = copies.group_by("kind").agg(
        pl.len().alias("pairs"), *((~pl.col(column)).sum() for column in columns), pl.sum("leaks")
    )
    return counted.with_columns(pl.col("kind").replace(KINDS)).sort("kind").to_dicts()
