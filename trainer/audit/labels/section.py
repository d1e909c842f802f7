"""The section on labels: suspects, with pictures and nearest studies of other patients."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from shared.counts import count
from shared.labels import LABEL_NAMES
from trainer.audit.audited_run import AuditedRun, Picture
from trainer.audit.labels.label_errors import Contradictions, count_contradictions, find_suspects
from trainer.audit.labels.neighbours import average_studies, find_neighbours
from trainer.features.variants import PLAIN

_NUM_CASES = 12
_VIEWS_OF_CASE, _SHOWN_NEIGHBOURS = 3, 3


@dataclass(frozen=True)
class LabelSection:
    """The results on labels.

    Attributes:
        suspects: content of `suspects.csv`.
        by_part: counts of studies and suspects.
        cases: the first suspects, with their pictures, nearest studies of other patients, and the
            number of those with the suggested label.
    """

    contradictions: Contradictions
    suspects: pl.DataFrame
    by_part: list[dict[str, object]]
    cases: list[dict[str, Any]]

    @property
    def alarms(self) -> list[str]:
        """The sentence of an alarm, if there is one."""
        found = self.contradictions
        if not found.is_alarm:
            return []
        return [
            f"The labels of {count(found.observed, 'studies')} are strongly contradicted; "
            f"{found.expected:.1f} are expected if all are right. Some are probably wrong."
        ]


def audit_labels(audited: AuditedRun, with_images: bool) -> LabelSection:
    """Find suspect labels, and describe the most suspect studies."""
    studies = audited.studies
    suspects = find_suspects(studies)
    rows = suspects.head(_NUM_CASES).to_dicts()
    nearest = _find_nearest([row["study"] for row in rows], audited)
    cases = [_describe(row, nearest[row["study"]], audited, with_images) for row in rows]
    predicted = studies["label"].to_numpy(), studies["calibrated"].to_numpy()
    by_part = _count_by_part(studies, suspects)
    return LabelSection(count_contradictions(*predicted), suspects, by_part, cases)


def _find_nearest(study_ids: list[str], audited: AuditedRun) -> dict[str, pl.DataFrame]:
    """Return the nearest studies of each study; empty tables without embeddings."""
    views = audited.views
    if not study_ids or audited.backbone is None:
        return dict.fromkeys(study_ids, views.clear())
    averages = average_studies(audited.backbone.embedder.embed(views, PLAIN), views)
    return find_neighbours(study_ids, *averages)


def _describe(
    row: dict[str, Any], nearest: pl.DataFrame, audited: AuditedRun, with_images: bool
) -> dict[str, Any]:
    shown = nearest["study_id"].head(_SHOWN_NEIGHBOURS).to_list()
    views = _show(audited, [row["study"]] if with_images else [], _VIEWS_OF_CASE)
    return {
        **row,
        "num_neighbours": nearest.height,
        "num_agreeing": nearest.filter(label=LABEL_NAMES.index(row["suggested_label"])).height,
        "views": views,
        "heat_maps": audited.show([view.view_id for view in views], with_heat=True),
        "neighbours": _show(audited, shown if with_images else [], 1),
    }


def _show(audited: AuditedRun, study_ids: list[str], views_of_each: int) -> tuple[Picture, ...]:
    of_studies = [audited.views.filter(study_id=study)["view_id"] for study in study_ids]
    return audited.show([view for views in of_studies for view in views.head(views_of_each)])


def _count_by_part(studies: pl.DataFrame, suspects: pl.DataFrame) -> list[dict[str, object]]:
    suggested = suspects.select("suggested_label", study_id="study")
    counts = studies.join(suggested, on="study_id", how="left").group_by("body_part")
    return (
        counts.agg(
            studies=pl.len(),
            suspects=pl.count("suggested_label"),
            as_abnormal=(pl.col("suggested_label") == LABEL_NAMES[1]).sum(),
        )
        .sort("body_part")
        .to_dicts()
    )
