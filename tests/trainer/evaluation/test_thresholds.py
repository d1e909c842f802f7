"""Decisions: learnt on what nothing is tested on, and kept."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from sklearn import metrics as sklearn_metrics

from shared.errors import UsageError
from tests.trainer.scored_tables import random_table, scored_table
from trainer.evaluation.decisions.decision import Decision, Rule, parse_decision
from trainer.evaluation.decisions.operating_points import find_threshold, learn_threshold
from trainer.evaluation.decisions.thresholds import CALIBRATED, add_calibrated, decide
from trainer.evaluation.scored_table import to_arrays
from trainer.options.threshold import parse_threshold

sk: Any = sklearn_metrics


class TestThreshold:
    def test_by_hand(self) -> None:
        # at 0.35 all abnormal are found and two of three normal are: J = 2 / 3
        labels, probabilities = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.5, 0.8])
        assert learn_threshold(labels, probabilities) == pytest.approx((0.2 + 0.5) / 2)

    def test_of_equals_the_nearest_to_one_half(self) -> None:
        # J = 1 / 2 between 0.1 and 0.2 as well as between 0.6 and 0.8
        labels, probabilities = np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.6, 0.8])
        assert learn_threshold(labels, probabilities) == pytest.approx(0.7)

    @pytest.mark.parametrize("seed", range(5))
    def test_no_other_is_better(self, seed: int) -> None:
        rows = random_table(seed)
        labels, probabilities = rows["label"].to_numpy(), rows["probability"].to_numpy()
        threshold = learn_threshold(labels, probabilities)
        answers = probabilities >= threshold
        youden = sk.recall_score(labels, answers) + sk.recall_score(1 - labels, ~answers) - 1
        false_rate, true_rate, _ = sk.roc_curve(labels, probabilities)
        assert youden == pytest.approx((true_rate - false_rate).max())

    @pytest.mark.parametrize("probabilities", [[0.9, 0.2], [0.3, 0.3]])
    def test_no_better_than_a_coin_leaves_one_half(self, probabilities: list[float]) -> None:
        assert learn_threshold(np.array([0, 1]), np.array(probabilities)) == 0.5


class TestOperatingPoints:
    # by hand: normal 0.1 0.2 0.6 0.7, abnormal 0.3 0.5 0.8 0.9
    LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    PROBABILITIES = np.array([0.1, 0.2, 0.6, 0.7, 0.3, 0.5, 0.8, 0.9])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("sensitivity:0.75", 0.4),
            ("sensitivity:0.76", 0.25),
            ("sensitivity:0.25", 0.85),
            ("specificity:0.5", 0.25),
            ("specificity:0.51", 0.65),
            ("specificity:0.99", 0.75),
            # 1 false positive against 5 points for each missed: at 0.25 the cost is 2
            ("cost:5", 0.25),
            # a missed one costs a fifth: at 0.75 the cost is 0.4
            ("cost:0.2", 0.75),
        ],
    )
    def test_by_hand(self, text: str, expected: float) -> None:
        found = find_threshold(self.LABELS, self.PROBABILITIES, parse_threshold(text))
        assert found == pytest.approx(expected)

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("demand", [0.5, 0.8, 0.95])
    def test_the_demand_is_met_and_no_better_threshold_meets_it(
        self, seed: int, demand: float
    ) -> None:
        labels, probabilities = to_arrays(random_table(seed))
        every = np.unique(np.append(probabilities, np.nextafter(probabilities, 2)))
        for name, own, other in (("sensitivity", 1, 0), ("specificity", 0, 1)):
            rule = parse_threshold(f"{name}:{demand}")
            threshold = find_threshold(labels, probabilities, rule)
            answers = {t: (probabilities >= t) == (labels == 1) for t in (threshold, *every)}
            shares = {
                t: [right[labels == x].mean() for x in (own, other)] for t, right in answers.items()
            }
            assert shares[threshold][0] >= demand
            assert shares[threshold][1] == max(
                rest for met, rest in shares.values() if met >= demand
            )

    def test_certain_errors_leave_the_ends_of_the_scale(self) -> None:
        labels, probabilities = np.array([1, 0]), np.array([0.0, 1.0])
        assert find_threshold(labels, probabilities, parse_threshold("sensitivity:0.9")) == 0
        assert find_threshold(labels, probabilities, parse_threshold("specificity:0.9")) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "0",
            "1",
            "nan",
            "sensitivity",
            "sensitivity:1",
            "cost:0",
            "cost:inf",
            "given:0.5",
            "auto:0.5",
            "youden:0.5",
            "f1",
            "cost:1001",
            "-0.5",
            "sensitivity:0.9:1",
        ],
    )
    def test_other_rules_are_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match=f"specificity:S.* Received: threshold={text}$"):
            parse_threshold(text)


def rules(decision: Decision) -> list[Rule]:
    return [decision.view, decision.study]


def shifted_table(num_studies: int, shift: float = 2.0, **columns: Any) -> pl.DataFrame:
    """Return a scored table of single views whose logits are too low by `shift`."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, num_studies)
    logits = rng.normal(4 * labels - 2, 1.5) - shift / 2
    rows = [
        (f"s{study}", int(label), float(expit(logit_)))
        for study, (label, logit_) in enumerate(zip(labels, logits, strict=True))
    ]
    own_group = pl.col("study_id").str.slice(1).cast(pl.Int64)
    return scored_table(rows, **columns).with_columns(group=own_group)


class TestDecide:
    def test_the_test_has_no_say(self) -> None:
        validation, test = random_table(1, role="validation"), random_table(2)
        decision = decide(pl.concat([validation, test]), "cnn")
        assert decision == decide(validation, "cnn")
        assert decision.learnt_on == "validation"
        assert (decision.num_views, decision.num_studies) == (validation.height, 60)
        assert decide(test, "cnn") == Decision("cnn")

    def test_out_of_fold_goes_before_validation_and_other_models_have_no_say(self) -> None:
        own = random_table(1, role="out_of_fold", fold=0)
        others = [
            random_table(2, role="validation"),
            random_table(3, role="out_of_fold", model="x"),
        ]
        decision = decide(pl.concat([own, *others]), "cnn")
        assert decision.learnt_on == "out_of_fold"
        assert decision == decide(own, "cnn")

    def test_few_studies_leave_one_half_and_many_have_youdens_threshold(self) -> None:
        few, many = (shifted_table(num, role="validation") for num in (900, 1200))
        assert {rule.threshold for rule in rules(decide(few, "cnn"))} == {0.5}
        assert {rule.basis for rule in rules(decide(few, "cnn"))} == {"few"}
        decision = decide(many, "cnn")
        assert {rule.basis for rule in rules(decision)} == {"youden"}
        assert decision.view.threshold == learn_threshold(*to_arrays(many))
        assert 0.2 < decision.view.threshold < 0.4

    def test_many_studies_leave_one_half_where_the_interval_includes_it(self) -> None:
        decision = decide(shifted_table(1200, shift=0, role="validation"), "cnn")
        assert {rule.basis for rule in rules(decision)} == {"unclear"}
        assert {rule.threshold for rule in rules(decision)} == {0.5}

    @pytest.mark.parametrize("role", ["validation", "test"])
    def test_a_given_threshold_is_of_the_calibrated_probability(self, role: str) -> None:
        decision = decide(random_table(1, role=role), "cnn", parse_threshold("0.3"))
        for rule in rules(decision):
            assert rule.calibrated_threshold == pytest.approx(0.3)
            assert rule.basis == "given"
        assert parse_decision(json.dumps(asdict(decision)).encode()) == decision

    @pytest.mark.parametrize("text", ["youden", "sensitivity:0.9", "specificity:0.9", "cost:3"])
    def test_a_rule_is_learnt_on_few_studies_and_never_on_the_test(self, text: str) -> None:
        rule = parse_threshold(text)
        validation, test = random_table(1, role="validation"), random_table(2)
        decision = decide(pl.concat([validation, test]), "cnn", rule)
        assert decision == decide(validation, "cnn", rule)
        assert {own.basis for own in rules(decision)} == {text.partition(":")[0]}
        assert decision.view.threshold == find_threshold(*to_arrays(validation), rule)
        assert parse_decision(json.dumps(asdict(decision)).encode()) == decision
        assert decide(test, "cnn", rule) == Decision("cnn")

    def test_the_order_of_rows_does_not_matter(self) -> None:
        rows = random_table(4, role="validation")
        shuffled = rows.sample(fraction=1, shuffle=True, seed=1)
        assert decide(rows, "cnn") == decide(shuffled, "cnn")


def test_a_decision_is_read_as_it_was_written() -> None:
    decision = Decision("cnn", "validation", 9, 3, view=Rule(1.2, 0.4), study=Rule(2.5, 0.61))
    assert parse_decision(json.dumps(asdict(decision)).encode()) == decision


def test_calibrated_probabilities_are_of_the_kept_model_only() -> None:
    rows = pl.concat([random_table(1), random_table(2, model="other")])
    table = add_calibrated(rows, Decision("cnn", view=Rule(temperature=2.0)))
    assert table.drop(CALIBRATED).equals(rows)
    own, other = table.filter(model="cnn"), table.filter(model="other")
    assert other[CALIBRATED].is_null().all()
    odds = own["probability"] / (1 - own["probability"])
    calibrated_odds = own[CALIBRATED] / (1 - own[CALIBRATED])
    assert (calibrated_odds.to_numpy() ** 2).tolist() == pytest.approx(odds.to_list())
