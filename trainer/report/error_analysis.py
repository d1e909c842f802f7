"""Error analysis: the most confident errors and the most uncertain studies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit

from shared.labels import LABEL_NAMES
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.decisions.decision import Decision, Rule
from trainer.evaluation.scored_table import by_study
from trainer.report.template import to_data_url

HEAT_MAPS = "heat_maps"

_NUM_MISTAKES = 8
_NUM_STUDIES = 6
# float32 has no probability closer to 1, so the same limit holds at 0
_TINY = 2.0**-24


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


def list_cases(
    level: str, rows: pl.DataFrame, decision: Decision, folder: Path
) -> Iterator[dict[str, Any]]:
    """Yield the most confident errors by `view`, or the most uncertain cases by `study`.

    Each has the pictures of its views, `data:` URLs, which are empty if the run has none.
    """
    find, key = (find_mistakes if level == "view" else find_uncertain), f"{level}_id"
    cases, views = find(rows, decision), _decide(rows, decision.view).sort("view_id")
    for case in cases.iter_rows(named=True):
        own = views.filter(pl.col(key) == case[key]).select("view_id", "calibrated")
        yield {
            "name": case[key],
            "actual": LABEL_NAMES[case["label"]],
            "predicted": LABEL_NAMES[case["predicted"]],
            "probability": case["calibrated"],
            "views": [
                {"view_id": view, "probability": probability, "picture": _to_url(folder, view)}
                for view, probability in own.iter_rows()
            ],
        }


def _decide(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    probabilities = rows["probability"].to_numpy()
    # in log-odds, so that false positives and false negatives are comparable at any threshold
    log_odds = logit(np.clip([*probabilities, rule.threshold], _TINY, 1 - _TINY))
    return rows.with_columns(
        calibrated=pl.Series(calibrate(probabilities, rule.temperature)),
        predicted=(pl.col("probability") >= rule.threshold).cast(pl.Int64),
        distance=pl.Series(np.abs(log_odds[:-1] - log_odds[-1])),
    )


def _to_url(folder: Path, view_id: str) -> str:
    path = heat_map_path(folder, view_id)
    return to_data_url("jpeg", path.read_bytes()) if path.is_file() else ""
