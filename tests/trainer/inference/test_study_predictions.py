"""The interval of an answer tells of held-out views that were answered alike, not of all."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from shared.images.spec import ImageSpec
from tests.trainer.scored_tables import random_table
from trainer.evaluation.decisions.thresholds import decide
from trainer.inference.study_predictions import predict_studies
from trainer.runs.saved.run_files import RunFiles
from trainer.runs.saved.saved_run import SavedRun


def _bounds(num_studies: int, probability: float) -> dict[str, pl.DataFrame]:
    """Return what is answered to a view, and to its study, after so many were held out."""
    scored = random_table(2, num_studies, role="validation")
    kept = SavedRun(RunFiles(Path()), {}, {}, decide(scored, "cnn"), ImageSpec(), scored)
    views = pl.DataFrame({"path": ["a.png"], "study": ["a"], "note": [""]})
    by_view, by_study = predict_studies(
        kept, views, np.array([[probability]], np.float32), np.array([np.nan])
    )
    return {"scored": scored, "view": by_view, "study": by_study}


@pytest.mark.parametrize(("num_studies", "num_alike"), [(200, 40), (30, 15)])
def test_a_low_probability_is_held_against_the_lowest_ones(
    num_studies: int, num_alike: int
) -> None:
    found = _bounds(num_studies, 0.0)
    studies = found["scored"].group_by("study_id").agg(pl.col("probability", "label").mean())
    labels = studies.sort("probability")["label"].head(num_alike)
    expected = binomtest(int(labels.sum()), num_alike).proportion_ci(method="wilson")
    (row,) = found["study"].iter_rows(named=True)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row["decision"] == "normal"


def test_few_held_out_studies_make_no_interval() -> None:
    found = _bounds(19, 1.0)
    assert found["study"]["low"].is_null().all()
    assert found["view"]["low"].is_not_null().all()
