"""Metrics against numbers worked out by hand, and against scikit-learn on raw arrays."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as sklearn_metrics

from shared.errors import TrainingError
from tests.trainer.scored_tables import HAND, random_table, scored_table
from trainer.evaluation.binary_metrics import predictive_values
from trainer.evaluation.metrics import choose, measure, measure_by_part
from trainer.evaluation.roc import roc_curve
from trainer.evaluation.scored_table import by_study, score

sk: Any = sklearn_metrics


def split_columns(scored: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take a scored table apart into predictions and manifest."""
    predictions = scored.select("view_id", "model", "fold", "role", "probability")
    manifest = scored.select("view_id", "study_id", "body_part", "label", "group").unique()
    return predictions, manifest


def test_the_curve_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    labels = generator.integers(0, 2, 300)
    # half of them tied
    probabilities = np.where(labels + generator.random(300) > 1, generator.random(300), 0.25)
    expected = sk.roc_curve(labels, probabilities, drop_intermediate=False)[:2]
    np.testing.assert_allclose(roc_curve(labels, probabilities), expected, atol=1e-12)


def test_predictive_values_by_hand() -> None:
    # of 1,000 cases 100 are abnormal: 90 found, 10 missed; of 900 normal, 180 false positives
    recall, specificity = np.array([0.9, 0.0, np.nan]), np.array([0.8, 1.0, 0.5])
    positive, negative = predictive_values(recall, specificity, 0.1)
    np.testing.assert_allclose(positive, [90 / 270, np.nan, np.nan])
    np.testing.assert_allclose(negative, [720 / 730, 0.9, np.nan])


class TestMeasure:
    def test_views_by_hand(self):
        # answers: only 0.9 is abnormal. tp 1, fn 2, tn 3, fp 0.
        # kappa: observed 4/6, by chance 1/2 * 1/6 + 1/2 * 5/6 = 1/2, so (4/6 - 1/2) / (1/2) = 1/3.
        # AUROC: of 9 pairs, 0.9 wins 3, 0.3 wins 2, 0.4 wins 2 and ties 1: 7.5 / 9.
        measures = measure(scored_table(HAND))
        assert (measures["num_views"], measures["num_abnormal_views"]) == (6, 3)
        assert measures["view_confusion"] == [[3, 0], [2, 1]]
        assert measures["view_accuracy"] == pytest.approx(4 / 6)
        assert measures["view_majority_accuracy"] == pytest.approx(1 / 2)
        assert measures["view_precision"] == pytest.approx(1)
        assert measures["view_recall"] == pytest.approx(1 / 3)
        assert measures["view_specificity"] == pytest.approx(1)
        assert measures["view_f1"] == pytest.approx(1 / 2)
        assert measures["view_kappa"] == pytest.approx(1 / 3)
        assert measures["view_auroc"] == pytest.approx(7.5 / 9)

    def test_studies_by_hand(self):
        # by mean logits: a 0.66, b 0.29, c 0.4, d 0.1; labels 1, 0, 1, 0. tp 1 (a), fn 1 (c), tn 2,
        # fp 0.
        # kappa: observed 3/4, by chance 1/2 * 1/4 + 1/2 * 3/4 = 1/2. Every pair is ranked right.
        measures = measure(scored_table(HAND))
        assert (measures["num_studies"], measures["num_abnormal_studies"]) == (4, 2)
        assert measures["study_confusion"] == [[2, 0], [1, 1]]
        assert measures["study_accuracy"] == pytest.approx(3 / 4)
        assert measures["study_recall"] == pytest.approx(1 / 2)
        assert measures["study_f1"] == pytest.approx(2 / 3)
        assert measures["study_kappa"] == pytest.approx(1 / 2)
        assert measures["study_auroc"] == pytest.approx(1)

    @pytest.mark.parametrize("seed", range(5))
    def test_views_are_as_scikit_learn_measures_raw_arrays(self, seed: int):
        scored = random_table(seed)
        labels, probabilities = scored["label"].to_numpy(), scored["probability"].to_numpy()
        answers = probabilities >= 0.5
        measures = measure(scored)
        assert measures["view_accuracy"] == pytest.approx(sk.accuracy_score(labels, answers))
        assert measures["view_precision"] == pytest.approx(sk.precision_score(labels, answers))
        assert measures["view_recall"] == pytest.approx(sk.recall_score(labels, answers))
        assert measures["view_f1"] == pytest.approx(sk.f1_score(labels, answers))
        assert measures["view_kappa"] == pytest.approx(sk.cohen_kappa_score(labels, answers))
        assert measures["view_auroc"] == pytest.approx(sk.roc_auc_score(labels, probabilities))
        assert measures["view_confusion"] == sk.confusion_matrix(labels, answers).tolist()

    def test_a_probability_at_the_threshold_is_abnormal(self):
        assert measure(scored_table([("a", 1, 0.5)]))["view_accuracy"] == 1
        assert measure(scored_table([("a", 1, 0.5)]), threshold=0.51)["view_accuracy"] == 0

    def test_the_order_of_rows_does_not_matter(self):
        scored = random_table(7)
        shuffled = scored.sample(fraction=1, shuffle=True, seed=1)
        assert shuffled["view_id"].to_list() != scored["view_id"].to_list()
        assert measure(shuffled) == measure(scored)

    @pytest.mark.parametrize("label", [0, 1])
    def test_one_label_leaves_auroc_undefined(self, label: int):
        measures = measure(scored_table([("a", label, 0.9), ("b", label, 0.2)]))
        missing = "recall" if label == 0 else "specificity"
        for level in ("view", "study"):
            assert measures[f"{level}_auroc"] is None
            assert measures[f"{level}_{missing}"] is None
            assert measures[f"{level}_accuracy"] == 0.5
            assert measures[f"{level}_majority_accuracy"] == 1

    def test_kappa_is_undefined_when_truth_and_answers_are_one_label(self):
        assert measure(scored_table([("a", 0, 0.1), ("b", 0, 0.2)]))["view_kappa"] is None

    def test_precision_without_a_positive_answer_is_zero(self):
        measures = measure(scored_table([("a", 1, 0.1), ("b", 0, 0.2)]))
        assert (measures["view_precision"], measures["view_f1"]) == (0, 0)

    def test_is_plain_json(self):
        encoded = json.dumps(measure(scored_table([("a", 0, 0.1)])), allow_nan=False)
        assert json.loads(encoded)["view_confusion"] == [[1, 0], [0, 0]]

    def test_nothing_to_measure_is_refused(self):
        with pytest.raises(TrainingError, match="num_views=0"):
            measure(scored_table(HAND).clear())


def _mean(one: float, other: float) -> float:
    """Return the probability whose odds are the geometric mean of the odds of two."""
    odds = (one / (1 - one) * other / (1 - other)) ** 0.5
    return odds / (1 + odds)


class TestByStudy:
    @pytest.mark.parametrize(("certain", "expected"), [(1.0, 1.0), (0.0, 0.0)])
    def test_certain_views_cancel_and_stay_finite(self, certain: float, expected: float):
        (row,) = by_study(scored_table([("a", 1, certain), ("a", 1, 1 - certain)])).rows(named=True)
        assert row["probability"] == pytest.approx(0.5)
        (row,) = by_study(scored_table([("a", 1, certain), ("a", 1, certain)])).rows(named=True)
        assert row["probability"] == pytest.approx(expected, abs=1e-6)

    def test_the_logit_of_a_study_is_the_mean_of_its_views(self):
        studies = by_study(scored_table(HAND))
        assert studies["study_id"].to_list() == ["a", "b", "c", "d"]
        assert studies["probability"].to_list() == pytest.approx(
            [_mean(0.9, 0.3), _mean(0.2, 0.4), 0.4, 0.1]
        )
        assert studies["num_views"].to_list() == [2, 2, 1, 1]
        assert studies["label"].to_list() == [1, 0, 1, 0]

    def test_models_folds_and_roles_stay_apart(self):
        tables = [scored_table(HAND, model=model, fold=f) for model in "xy" for f in (0, 1)]
        assert by_study(pl.concat(tables)).height == 16


class TestScore:
    def test_joins_the_manifest_by_view(self):
        scored = scored_table(HAND)
        predictions, manifest = split_columns(scored)
        assert score(predictions, manifest).equals(scored)

    def test_a_fold_may_be_missing_everywhere(self):
        predictions, manifest = split_columns(scored_table(HAND))
        without = predictions.with_columns(fold=pl.lit(None))
        assert score(without, manifest).schema["fold"] == pl.Int64

    def test_a_view_that_the_manifest_lacks_is_refused(self):
        predictions, manifest = split_columns(scored_table(HAND))
        with pytest.raises(TrainingError, match=r"in the manifest.*a/image0"):
            score(predictions, manifest.filter(pl.col("view_id") != "a/image0"))

    def test_a_view_twice_in_a_set_is_refused(self):
        predictions, manifest = split_columns(scored_table(HAND))
        with pytest.raises(TrainingError, match="one prediction for each view"):
            score(pl.concat([predictions, predictions.head(1)]), manifest)

    def test_a_view_in_two_sets_is_not_a_duplicate(self):
        predictions, manifest = split_columns(scored_table(HAND))
        other = predictions.with_columns(role=pl.lit("validation"))
        assert score(pl.concat([predictions, other]), manifest).height == 12

    @pytest.mark.parametrize("probability", [float("nan"), -0.1, 1.1, None])
    def test_what_is_no_probability_is_refused(self, probability: float | None):
        predictions, manifest = split_columns(scored_table(HAND))
        wrong = predictions.with_columns(probability=pl.lit(probability, pl.Float64))
        with pytest.raises(TrainingError, match="probabilities from 0 to 1"):
            score(wrong, manifest)


class TestMeasureByPart:
    def test_parts_come_in_the_order_of_the_vocabulary(self):
        wrist, elbow = scored_table(HAND), scored_table(HAND[:3], body_part="elbow")
        by_part = measure_by_part(pl.concat([wrist, elbow]))
        assert list(by_part) == ["all", "elbow", "wrist"]
        assert by_part["elbow"] == measure(elbow)
        assert by_part["all"]["num_views"] == 9

    def test_all_equals_a_single_part(self):
        by_part = measure_by_part(scored_table(HAND))
        assert by_part["all"] == by_part["wrist"]

    def test_no_rows_give_no_measures(self):
        assert measure_by_part(scored_table(HAND).clear()) == {}


class TestChoose:
    @staticmethod
    def out_of_fold(**aurocs: float | None) -> dict[str, dict[str, Any]]:
        return {model: {"view_auroc": auroc} for model, auroc in aurocs.items()}

    def test_takes_the_highest_pooled_view_auroc(self):
        assert choose(self.out_of_fold(x=0.6, y=0.8, z=0.7)) == "y"

    def test_takes_the_first_of_equals(self):
        assert choose(self.out_of_fold(z=0.6, y=0.8, x=0.8)) == "y"

    def test_an_undefined_auroc_never_wins(self):
        assert choose(self.out_of_fold(x=None, y=0.1)) == "y"

    def test_no_candidates_are_refused(self):
        with pytest.raises(TrainingError, match="candidates"):
            choose({})
