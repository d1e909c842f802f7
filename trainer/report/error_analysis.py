"""Error analysis: the most confident errors and the most uncertain studies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit

from shared.labels import LABEL_NAMES
from trainer.evaluation.binary_metrics import Floats
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.decisions.decision import Decision, Rule
from trainer.evaluation.scored_table import by_study
from trainer.report.template import to_data_url

HEAT_MAPS = "heat_maps"

_NUM_MISTAKES = 8
_NUM_STUDIES = 6
# float32 has no probability closer to 1, so the same limit holds at 0
_TINY = 2.0**-24


@dataclass(frozen=True)
class CaseView:
    """A view of a case, with its calibrated probability of abnormal.

    Attributes:
        picture: the radiograph and its heat map as one `data:` URL; empty without images.
    """

    view_id: str
    probability: float
    picture: str


@dataclass(frozen=True)
class Case:
    """A view or a study, with its label predicted at the learnt threshold."""

    name: str
    actual: str
    predicted: str
    probability: float
    views: Sequence[CaseView]


def find_mistakes(rows: pl.DataFrame, decision: Decision) -> pl.DataFrame:
    """Return the most confident errors, the most confident first."""
    decided = _decide(rows, decision.view)
    wrong = decided.filter(pl.col("predicted") != pl.col("label"))
    return wrong.sort("distance", "view_id", descending=[True, False]).head(_NUM_MISTAKES)


def find_uncertain(rows: pl.DataFrame, decision: Decision) -> pl.DataFrame:
    """Return the studies with probabilities closest to the threshold, the closest first."""
    decided = _decide(by_study(rows), decision.study)
    return decided.sort("distance", "study_id").head(_NUM_STUDIES)


def shown_views(rows: pl.DataFrame, decision: Decision) -> set[str]:
    """Return the ids of the views that the error analysis shows."""
    studies = find_uncertain(rows, decision).select("study_id")
    of_studies = rows.join(studies, on="study_id", how="semi")["view_id"]
    return {*find_mistakes(rows, decision)["view_id"], *of_studies}


def heat_map_path(folder: Path, view_id: str) -> Path:
    """Return the path of a view's picture in a run folder."""
    return folder / HEAT_MAPS / f"{view_id}.jpg"


def list_mistakes(rows: pl.DataFrame, decision: Decision, folder: Path) -> Iterator[Case]:
    """Yield the most confident errors with their pictures."""
    for row in find_mistakes(rows, decision).iter_rows(named=True):
        case_view = _load_view(folder, row["view_id"], row["calibrated"])
        yield _to_case(row["view_id"], row, [case_view])


def list_uncertain(rows: pl.DataFrame, decision: Decision, folder: Path) -> Iterator[Case]:
    """Yield the most uncertain studies with the pictures of all their views."""
    views = _decide(rows, decision.view).sort("view_id")
    for row in find_uncertain(rows, decision).iter_rows(named=True):
        own = views.filter(study_id=row["study_id"]).select("view_id", "calibrated")
        views_of_case = [_load_view(folder, *each) for each in own.iter_rows()]
        yield _to_case(row["study_id"], row, views_of_case)


def _decide(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    probabilities = rows["probability"].to_numpy()
    # in log-odds, so that false positives and false negatives are comparable at any threshold
    distance = np.abs(_log_odds(probabilities) - _log_odds(np.array([rule.threshold])))
    return rows.with_columns(
        calibrated=pl.Series(calibrate(probabilities, rule.temperature)),
        predicted=(pl.col("probability") >= rule.threshold).cast(pl.Int64),
        distance=pl.Series(distance),
    )


def _log_odds(probabilities: Floats) -> Floats:
    return logit(np.clip(probabilities, _TINY, 1 - _TINY))


def _to_case(name: str, row: dict[str, Any], views: Sequence[CaseView]) -> Case:
    actual, predicted = LABEL_NAMES[int(row["label"])], LABEL_NAMES[int(row["predicted"])]
    return Case(name, actual, predicted, row["calibrated"], views)


def _load_view(folder: Path, view_id: str, probability: float) -> CaseView:
    path = heat_map_path(folder, view_id)
    picture = to_data_url("jpeg", path.read_bytes()) if path.is_file() else ""
    return CaseView(view_id, probability, picture)
