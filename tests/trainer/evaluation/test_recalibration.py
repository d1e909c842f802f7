"""Calibration in the large and slope against scikit-learn, and on sets of planted error."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from tests.trainer.scored_tables import random_table, scored_table
from trainer.evaluation.decisions.decision import Rule
from trainer.evaluation.decisions.logistic import fit_intercept, fit_line
from trainer.evaluation.decisions.recalibration import NUM_FITS, assess_calibration


def table(shift: float, slope: float, num_studies: int = 1500, seed: int = 0) -> pl.DataFrame:
    """Return single views whose labels follow `shift + slope * logit` of their probability."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, num_studies)
    labels = rng.random(num_studies) < expit(shift + slope * logits)
    rows = [
        (f"s{study}", int(label), float(expit(logit_)))
        for study, (label, logit_) in enumerate(zip(labels, logits, strict=True))
    ]
    return scored_table(rows).with_columns(group=pl.int_range(pl.len()))


def test_fits_are_those_of_scikit_learn_for_every_set_of_weights() -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(0.5, 2, 300), rng.integers(0, 2, 300)
    weights = rng.poisson(1, (300, 3)).astype(float)
    intercepts, slopes = fit_line(labels, logits, weights)
    for index in range(3):
        model: Any = LogisticRegression(C=1e9, tol=1e-10, max_iter=500)
        model.fit(logits[:, None], labels, sample_weight=weights[:, index])
        expected = (model.intercept_[0], model.coef_[0, 0])
        assert (intercepts[index], slopes[index]) == pytest.approx(expected, abs=1e-5)
        # at the maximum, the mean fitted probability is the share of abnormal rows
        (shift,) = fit_intercept(labels, logits, weights[:, [index]])
        fitted = np.average(expit(shift + logits), weights=weights[:, index])
        assert fitted == pytest.approx(np.average(labels, weights=weights[:, index]))


def test_saturated_logits_have_an_intercept_within_bounds_or_none() -> None:
    labels, once = np.array([0, 1, 1, 0]), np.ones((4, 1))
    (shift,) = fit_intercept(labels, np.full(4, -30.0), once)
    assert shift == pytest.approx(30)
    assert np.isnan(fit_intercept(labels, np.full(4, -87.0), once)).all()


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 0.5), (0.6, 1.7)])
def test_a_planted_error_is_found_within_its_interval(shift: float, slope: float) -> None:
    found = assess_calibration(table(shift, slope), Rule(), seed=0)
    bounds = found["slope"]["interval"]
    assert bounds["low"] < slope < bounds["high"]
    assert bounds["high"] - bounds["low"] < 0.5
    assert bounds["num_resamples"] == NUM_FITS
    if slope == 1:
        bounds = found["in_the_large"]["interval"]
        assert bounds["low"] < shift < bounds["high"]
    none, _, line = found["fitted"]
    assert line["intercept"] == pytest.approx(shift, abs=0.2)
    assert line["slope"] == pytest.approx(slope, abs=0.2)
    assert line["brier"] <= none["brier"]
    if (shift, slope) != (0, 1):
        assert line["calibration_error"] < none["calibration_error"] / 2


def test_the_temperature_of_the_run_comes_first() -> None:
    rows = table(0, 0.5)
    raw, tempered = (assess_calibration(rows, Rule(t), seed=0) for t in (1.0, 2.0))
    assert tempered["slope"]["value"] == pytest.approx(2 * raw["slope"]["value"])
    assert tempered["fitted"][2]["brier"] == pytest.approx(raw["fitted"][2]["brier"])
    # 0.5 on the calibrated scale stays 0.5, other thresholds move with their probabilities
    assert tempered["fitted_threshold"]["confusion"] == raw["fitted_threshold"]["confusion"]


def test_undefined_numbers_are_none() -> None:
    separated = scored_table([("a", 0, 0.1), ("b", 0, 0.2), ("c", 1, 0.8), ("d", 1, 0.9)])
    found = assess_calibration(separated, Rule(), seed=0)
    assert found["slope"] == {"value": None, "interval": None}
    assert found["fitted"][2]["brier"] is None
    assert found["in_the_large"]["value"] == pytest.approx(0, abs=1e-6)
    one_label = scored_table([("a", 1, 0.4), ("b", 1, 0.6)])
    found = assess_calibration(one_label, Rule(), seed=0)
    assert found["in_the_large"]["value"] is found["slope"]["value"] is None
    assert found["fitted_threshold"] is None


def test_few_patients_have_no_interval() -> None:
    found = assess_calibration(random_table(2, num_studies=19), Rule(), seed=0)
    assert found["slope"]["interval"] is None
    assert found["slope"]["value"] is not None
