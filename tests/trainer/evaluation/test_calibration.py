"""Calibration by hand, and on probabilities whose truth is known."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sklearn_metrics

from trainer.evaluation.decisions.calibration import (
    bin_by_probability,
    brier_score,
    calibrate,
    expected_calibration_error,
    learn_temperature,
)

sk: Any = sklearn_metrics


def draw_honest(num_rows: int) -> tuple[Any, Any]:
    """Draw labels and the logits that they were drawn with."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, num_rows)
    return (rng.random(num_rows) < expit(logits)).astype(np.int64), logits


def test_brier_score_is_as_scikit_learn_has_it() -> None:
    labels, logits = draw_honest(100)
    expected = sk.brier_score_loss(labels, expit(logits))
    assert brier_score(labels, expit(logits)) == pytest.approx(expected)


def test_bins_and_error_by_hand() -> None:
    # thirty rows make three bins of ten
    probabilities = np.array([0.1] * 10 + [0.3, 0.5] * 5 + [0.9] * 10)
    labels = np.array([0] * 10 + [0, 1] * 5 + [1] * 10)
    order = np.random.default_rng(0).permutation(30)
    bins = bin_by_probability(labels[order], probabilities[order])
    assert bins.num_rows.tolist() == [10, 10, 10]
    assert bins.mean_probability.tolist() == pytest.approx([0.1, 0.4, 0.9])
    assert bins.abnormal_share.tolist() == pytest.approx([0, 0.5, 1])
    error = expected_calibration_error(labels[order], probabilities[order])
    assert error == pytest.approx((0.1 + 0.1 + 0.1) / 3)


def test_equal_probabilities_share_a_bin() -> None:
    labels = np.arange(40) % 2
    bins = bin_by_probability(labels, np.full(40, 0.7))
    assert bins.num_rows.tolist() == [40]
    assert expected_calibration_error(labels, np.full(40, 0.7)) == pytest.approx(0.2)


def test_few_rows_make_one_bin_and_many_fifteen() -> None:
    labels, logits = draw_honest(1500)
    assert bin_by_probability(labels, expit(logits)).num_rows.tolist() == [100] * 15
    assert bin_by_probability(labels[:9], expit(logits[:9])).num_rows.tolist() == [9]


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
def test_a_wrong_temperature_is_found_and_mended(temperature: float) -> None:
    labels, logits = draw_honest(20_000)
    told = expit(logits * temperature)
    found = learn_temperature(labels, told)
    assert found == pytest.approx(temperature, rel=0.05)
    mended = calibrate(told, found)
    assert expected_calibration_error(labels, mended) < 0.015
    if temperature != 1:
        assert expected_calibration_error(labels, told) > 0.05
        assert brier_score(labels, mended) < brier_score(labels, told)


def test_calibrating_keeps_order_and_answers() -> None:
    labels, logits = draw_honest(1000)
    probabilities = expit(logits).astype(np.float32).astype(np.float64)
    calibrated = calibrate(probabilities, 0.3)
    expected = sk.roc_auc_score(labels, probabilities)
    assert sk.roc_auc_score(labels, calibrated) == pytest.approx(expected, abs=1e-12)
    assert ((calibrated >= 0.5) == (probabilities >= 0.5)).all()


def test_a_saturated_sigmoid_is_no_obstacle() -> None:
    probabilities = np.array([0.0, 1e-30, 0.5, 1 - 2**-24, 1.0])
    assert np.isfinite(calibrate(probabilities, 2)).all()
    assert (np.diff(calibrate(probabilities, 2)) > 0).all()
    assert learn_temperature(np.array([0, 0, 1, 1, 1]), probabilities) >= 0.0099


def test_a_model_that_knows_nothing_is_cooled_to_one_half() -> None:
    labels = np.array([1, 0] * 50)
    probabilities = np.array([0.1, 0.9] * 50)
    temperature = learn_temperature(labels, probabilities)
    assert temperature > 90
    assert calibrate(probabilities, temperature) == pytest.approx(0.5, abs=0.01)


def test_few_rows_without_a_mistake_are_no_certainty() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    probabilities = np.where(labels == 1, 0.6, 0.4)
    calibrated = calibrate(probabilities, learn_temperature(labels, probabilities))
    # ten of ten are as eleven of twelve
    assert calibrated == pytest.approx(np.where(labels == 1, 11 / 12, 1 / 12), rel=1e-3)
