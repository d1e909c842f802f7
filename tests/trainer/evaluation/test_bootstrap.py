"""Intervals against a plain loop over scikit-learn, and against what they promise: coverage."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from sklearn import metrics as sklearn_metrics

from trainer.evaluation.bootstrap import Draws, interval, mean_in_resamples, resample

sk: Any = sklearn_metrics

Rows = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
NAN = float("nan")


def draw_rows(seed: int, num_groups: int, views: int = 4, spread: float = 1.0) -> Rows:
    """Draw labels, probabilities and groups; views of a group share its label and its logit."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num_groups).repeat(views)
    shared = rng.normal(0, spread, num_groups).repeat(views)
    logits = labels - 0.5 + shared + rng.normal(0, 0.3, labels.size)
    return labels, expit(logits), np.arange(num_groups).repeat(views)


def measure_slowly(labels: Any, probabilities: Any, threshold: float) -> dict[str, float]:
    """Measure one resample as scikit-learn does."""
    answers = (probabilities >= threshold).astype(int)
    both = np.unique(labels).size > 1
    differ = np.unique(np.concatenate([labels, answers])).size > 1
    return {
        "auroc": sk.roc_auc_score(labels, probabilities) if both else NAN,
        "accuracy": sk.accuracy_score(labels, answers),
        "precision": sk.precision_score(labels, answers, zero_division=0),
        "recall": sk.recall_score(labels, answers) if labels.any() else NAN,
        "specificity": NAN if labels.all() else sk.recall_score(1 - labels, 1 - answers),
        "f1": sk.f1_score(labels, answers, zero_division=0),
        "kappa": sk.cohen_kappa_score(labels, answers) if differ else NAN,
    }


@pytest.mark.slow
@pytest.mark.parametrize("num_groups", [2, 5, 30])
def test_resamples_are_as_scikit_learn_measures_them_one_by_one(num_groups: int) -> None:
    rng = np.random.default_rng(num_groups)
    groups = np.append(rng.integers(0, num_groups, 3 * num_groups), np.arange(num_groups))
    # two groups of one label each give resamples of one label only
    labels = groups if num_groups == 2 else rng.integers(0, 2, groups.size)
    probabilities = rng.integers(0, 8, groups.size) / 8  # with ties, within and across labels
    thresholds = (0.5, 0.3)
    resamples = resample(labels, probabilities, groups, thresholds, Draws(12, 3))
    drawn = np.random.default_rng(3).integers(num_groups, size=(12, num_groups))
    for index, names in enumerate(drawn):
        rows = np.concatenate([np.flatnonzero(groups == name) for name in names])
        for threshold, rates in zip(thresholds, resamples.rates, strict=True):
            expected = measure_slowly(labels[rows], probabilities[rows], threshold)
            found = {"auroc": resamples.auroc[index], **{k: v[index] for k, v in rates.items()}}
            assert found == pytest.approx(expected, nan_ok=True)
    if num_groups == 2:
        assert np.isnan(resamples.auroc).any()


def test_many_rows_give_the_same_in_chunks() -> None:
    labels, probabilities, groups = draw_rows(0, 3000, views=1)
    resamples = resample(labels, probabilities, groups, draws=Draws(400))
    drawn = np.random.default_rng(0).integers(3000, size=(400, 3000))
    for index in (0, 399):
        rows = drawn[index]
        expected = sk.roc_auc_score(labels[rows], probabilities[rows])
        assert resamples.auroc[index] == pytest.approx(expected)


def test_means_are_those_of_the_same_resamples() -> None:
    labels, probabilities, groups = draw_rows(5, 30)
    means = mean_in_resamples(labels == (probabilities >= 0.5), groups, Draws(40, 6))
    accuracy = resample(labels, probabilities, groups, draws=Draws(40, 6)).rates[0]["accuracy"]
    np.testing.assert_allclose(means, accuracy)


def test_more_views_of_the_same_patients_are_no_more_evidence() -> None:
    labels, probabilities, groups = draw_rows(1, 60, views=1)
    first = resample(labels, probabilities, groups)
    again = resample(labels.repeat(5), probabilities.repeat(5), groups.repeat(5))
    np.testing.assert_allclose(first.auroc, again.auroc)
    np.testing.assert_allclose(first.rates[0]["kappa"], again.rates[0]["kappa"])


def test_the_names_and_the_order_of_rows_do_not_matter() -> None:
    labels, probabilities, groups = draw_rows(2, 20)
    order = np.random.default_rng(0).permutation(labels.size)
    names = np.array([f"patient {group:02}" for group in groups])
    shuffled = resample(labels[order], probabilities[order], names[order], draws=Draws(50))
    plain = resample(labels, probabilities, groups, draws=Draws(50))
    np.testing.assert_array_equal(shuffled.auroc, plain.auroc)


def test_the_seed_decides() -> None:
    rows = draw_rows(3, 20)
    first, same, other = (resample(*rows, draws=Draws(50, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.auroc, same.auroc)
    assert not np.array_equal(first.auroc, other.auroc)


def test_what_is_not_defined_is_left_out_and_counted() -> None:
    values = np.append(np.linspace(0, 1, 201), [NAN, NAN])
    found = interval(values)
    assert found
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))
    assert found.num_resamples == 201
    assert interval(np.array([NAN])) is None


def test_intervals_of_patients_cover_the_truth_and_those_of_views_do_not() -> None:
    labels, probabilities, _ = draw_rows(4, 200_000, views=1)
    truth = {"auroc": sk.roc_auc_score(labels, probabilities)}
    truth["accuracy"] = sk.accuracy_score(labels, probabilities >= 0.5)
    covered = {(name, by): 0 for name in truth for by in ("patient", "view")}
    num_studies = 200
    for seed in range(num_studies):
        labels, probabilities, groups = draw_rows(1000 + seed, 80)
        for by, clusters in (("patient", groups), ("view", np.arange(groups.size))):
            resamples = resample(labels, probabilities, clusters, draws=Draws(300))
            values = {"auroc": resamples.auroc, **resamples.rates[0]}
            for name, true in truth.items():
                found = interval(values[name])
                assert found
                covered[name, by] += found.low <= true <= found.high
    share = {key: count / num_studies for key, count in covered.items()}
    # of 200 sets, 95 % are covered within three standard errors, a little less for few patients
    assert all(0.89 <= share[name, "patient"] <= 0.99 for name in truth), share
    assert all(share[name, "view"] < 0.8 for name in truth), share
