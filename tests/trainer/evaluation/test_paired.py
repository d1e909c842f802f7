"""Paired comparisons: against a plain loop, by hand, and on planted and on missing differences."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from shared.errors import TrainingError
from tests.trainer.scored_tables import random_table, scored_table
from trainer.evaluation.bootstrap import NUM_RESAMPLES
from trainer.evaluation.comparing.common_views import restrict_to_common
from trainer.evaluation.comparing.paired import (
    METRICS,
    Difference,
    Model,
    compare_models,
    holm,
    p_value,
)
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.decisions.decision import Decision, Rule


def draw_models(seed: int, strengths: list[float], num_studies: int = 80) -> list[Model]:
    """Return models of the same views; a larger strength separates the labels better."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num_studies)
    # most of the difficulty of a study is the same for all models
    shared = rng.normal(0, 1, num_studies)
    models: list[Model] = []
    for index, strength in enumerate(strengths):
        rows = [
            (f"s{study}", int(label), float(expit(logit_ + rng.normal(0, 0.7))))
            for study, (label, logit_) in enumerate(
                zip(labels, strength * (labels - 0.5) + shared, strict=True)
            )
            for _ in range(2)
        ]
        own_group = pl.col("study_id").str.slice(1).cast(pl.Int64)
        scored = scored_table(rows).with_columns(group=own_group)
        models.append(Model(f"m{index}", Decision("cnn"), scored))
    return models


def find(differences: list[Difference], level: str, metric: str) -> list[Difference]:
    return [d for d in differences if (d.level, d.metric) == (level, metric)]


def test_differences_are_those_of_a_plain_loop_over_resampled_patients() -> None:
    first, second = draw_models(1, [1.0, 3.0], num_studies=25)
    rule = Rule(temperature=2.0, threshold=0.4)
    first = Model("m0", Decision("cnn", view=rule), first.scored)
    found = {m: find(compare_models([first, second], 5), "view", m)[0] for m in METRICS}
    tables = [model.scored.sort("view_id") for model in (first, second)]
    groups, labels = tables[0]["group"].to_numpy(), tables[0]["label"].to_numpy()
    drawn = np.random.default_rng(5).integers(25, size=(NUM_RESAMPLES, 25))
    resampled: dict[str, list[float]] = {metric: [] for metric in METRICS}
    every = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    for names in [range(25), *drawn]:
        rows = np.concatenate([every[name] for name in names])
        values = [
            _measure(labels[rows], table["probability"].to_numpy()[rows], own)
            for table, own in zip(tables, (rule, Rule()), strict=True)
        ]
        for metric in METRICS:
            resampled[metric].append(values[0][metric] - values[1][metric])
    for metric, (difference, *others) in resampled.items():
        assert found[metric].difference == pytest.approx(difference)
        bounds = found[metric].bounds
        assert bounds
        expected = np.nanquantile(others, (0.025, 0.975))
        assert (bounds.low, bounds.high) == pytest.approx(expected)


def _measure(labels: Any, probabilities: Any, rule: Rule) -> dict[str, float]:
    answers = probabilities >= rule.threshold
    abnormal, normal = (probabilities[labels == label][:, None] for label in (1, 0))
    agreed = np.mean(answers == labels)
    by_chance = answers.mean() * labels.mean() + (1 - answers.mean()) * (1 - labels.mean())
    calibrated = calibrate(probabilities, rule.temperature)
    return {
        "auroc": np.mean((abnormal > normal.T) + 0.5 * (abnormal == normal.T)),
        "kappa": (agreed - by_chance) / (1 - by_chance),
        "accuracy": agreed,
        "brier": np.mean((calibrated - labels) ** 2),
    }


def test_a_planted_difference_is_found_and_its_sign_is_right() -> None:
    found = compare_models(draw_models(2, [3.0, 0.5]), 0)
    for metric in METRICS:
        (difference,) = find(found, "study", metric)
        assert difference.corrected is not None
        assert difference.corrected < 0.01
        assert difference.difference is not None
        assert (difference.difference > 0) == (metric != "brier")
        assert difference.corrected == difference.p_value


def test_equal_models_are_told_apart_as_rarely_as_chance_allows() -> None:
    num_sets = 60
    p_values: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for seed in range(num_sets):
        found = compare_models(draw_models(100 + seed, [1.5, 1.5], 40), seed)
        for metric in METRICS:
            (difference,) = find(found, "view", metric)
            assert difference.p_value is not None
            p_values[metric].append(difference.p_value)
    for metric, of_metric in p_values.items():
        # 5 % expected; of 60 sets, more than 15 % are 3.6 standard errors above
        assert np.mean(np.array(of_metric) < 0.05) <= 0.15, metric
        assert np.mean(np.array(of_metric) < 0.5) >= 0.3, metric


def test_the_same_predictions_do_not_differ() -> None:
    (model,) = draw_models(3, [1.0])
    twin = Model("twin", model.decision, model.scored)
    for difference in compare_models([model, twin], 0):
        assert difference.difference == 0
        assert difference.p_value == 1
        assert difference.bounds
        assert (difference.bounds.low, difference.bounds.high) == (0, 0)


def test_few_patients_have_differences_without_a_test() -> None:
    for difference in compare_models(draw_models(4, [1.0, 2.0], 19), 0):
        assert difference.difference is not None
        assert difference.bounds is difference.p_value is difference.corrected is None


def test_pairs_of_three_runs_are_corrected_together() -> None:
    found = compare_models(draw_models(5, [0.5, 0.9, 2.5]), 0)
    pairs = find(found, "view", "auroc")
    assert [(d.first, d.second) for d in pairs] == [("m0", "m1"), ("m0", "m2"), ("m1", "m2")]
    p_values = [d.p_value for d in pairs if d.p_value is not None]
    assert [d.corrected for d in pairs] == holm(p_values)


class TestHolm:
    def test_by_hand(self) -> None:
        # sorted 0.01 0.02 0.03 0.04: times 4, 3, 2, 1, and never below an earlier one
        assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
        assert holm([0.5, 0.9]) == [1.0, 1.0]
        assert holm([0.2]) == [0.2]
        assert holm([]) == []

    def test_of_equals(self) -> None:
        assert holm([0.02, 0.02, 0.5]) == pytest.approx([0.06, 0.06, 0.5])


class TestPValue:
    def test_by_hand(self) -> None:
        # one of 19 at or below 0: 2 * (1 + 1) / 20
        assert p_value(np.arange(19, dtype=float)) == pytest.approx(0.2)
        assert p_value(np.ones(1999)) == pytest.approx(0.001)
        assert p_value(-np.ones(1999)) == pytest.approx(0.001)
        assert p_value(np.zeros(9)) == 1

    def test_undefined_resamples_are_left_out(self) -> None:
        nan = float("nan")
        assert p_value(np.array([nan, 1.0, 1.0, 1.0])) == pytest.approx(0.5)
        assert p_value(np.array([nan])) is None


class TestCommonViews:
    def test_only_common_views_in_the_same_order(self) -> None:
        whole = random_table(1)
        first, second = (
            whole.filter(pl.col("study_id") != "s3"),
            whole.sample(fraction=1, shuffle=True, seed=1).filter(pl.col("study_id") != "s5"),
        )
        kept = restrict_to_common([first, second])
        expected = whole.filter(~pl.col("study_id").is_in(["s3", "s5"])).sort("view_id")
        for table in kept:
            assert table["view_id"].to_list() == expected["view_id"].to_list()
            assert table["probability"].to_list() == expected["probability"].to_list()
        assert kept[0]["group"].n_unique() == expected["group"].n_unique()

    def test_none(self) -> None:
        first, second = random_table(1).filter(study_id="s1"), random_table(1).filter(study_id="s2")
        assert [table.height for table in restrict_to_common([first, second])] == [0, 0]

    def test_patients_that_any_table_connects_are_one_group(self) -> None:
        rows = [(f"s{n}", n % 2, 0.5) for n in range(6)]
        first, second, third = (
            scored_table(rows).with_columns(group=pl.Series(groups))
            for groups in ([1, 1, 2, 3, 4, 5], [9, 8, 8, 7, 6, 5], [5, 4, 3, 3, 2, 1])
        )
        (groups,) = {tuple(t["group"]) for t in restrict_to_common([first, second, third])}
        assert groups[0] == groups[1] == groups[2] == groups[3]
        assert len({*groups}) == 3

    def test_other_labels_are_refused(self) -> None:
        first = random_table(1)
        second = first.with_columns(
            label=pl.when(pl.col("study_id") == "s1").then(1 - pl.col("label")).otherwise("label")
        )
        with pytest.raises(TrainingError, match=r"label of each view .* differ, such as s1/"):
            restrict_to_common([first, second])
