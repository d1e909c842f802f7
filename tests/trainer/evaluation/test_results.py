"""Results: what `metrics.json` holds, with intervals and as read by a decision."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.trainer.scored_tables import HAND, random_table, scored_table
from trainer.evaluation.bootstrap import MIN_GROUPS
from trainer.evaluation.decisions.calibration import calibrate
from trainer.evaluation.decisions.decision import Decision, Rule
from trainer.evaluation.decisions.thresholds import decide
from trainer.evaluation.estimates import estimate
from trainer.evaluation.metrics import measure
from trainer.evaluation.results import compute_metrics, selected_model

DECISION = Decision("cnn", "validation", 9, 3, view=Rule(2.0, 0.4), study=Rule(3.0, 0.6))


def compute(command: str, scored: pl.DataFrame) -> dict[str, Any]:
    decision = decide(scored, selected_model(scored))
    return compute_metrics({"command": command, "options": {"seed": 0}}, scored, decision)


class TestComputeMetrics:
    def test_of_train(self):
        rows = [scored_table(HAND), random_table(1, role="validation")]
        metrics = compute("train", pl.concat(rows))
        assert list(metrics) == ["bootstrap", "decision", "validation", "test"]
        assert metrics["bootstrap"]["num_resamples"] == 2000
        assert metrics["decision"]["learnt_on"] == "validation"
        assert metrics["test"]["all"].items() >= measure(rows[0]).items()
        assert metrics["validation"]["wrist"].items() >= measure(rows[1]).items()
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics

    def test_of_cv(self):
        folds = {
            (model, fold): random_table(fold, 20, model=model, fold=fold, role="out_of_fold")
            for model in ("weak", "strong")
            for fold in (1, 0)
        }
        # the weak one answers the opposite
        tables = [
            t.with_columns(probability=1 - pl.col("probability")) if model == "weak" else t
            for (model, _), t in folds.items()
        ]
        metrics = compute("cv", pl.concat(tables))
        names = ["num_candidates", "nested", "out_of_fold", "folds", "over_folds", "chosen"]
        names += ["validation", "test"]
        assert list(metrics) == ["bootstrap", "decision", *names]
        assert metrics["num_candidates"] == 2
        assert metrics["chosen"] == "strong"
        for key in ("view_auroc", "study_kappa"):
            values = [fold[key] for fold in metrics["folds"]["weak"]]
            assert metrics["over_folds"]["weak"][key] == {
                "mean": pytest.approx(np.mean(values)),
                "spread": pytest.approx(np.std(values, ddof=1)),
            }
        assert [fold["fold"] for fold in metrics["folds"]["strong"]] == [0, 1]
        assert metrics["folds"]["strong"][0] == {"fold": 0, **measure(folds["strong", 0])}
        assert metrics["out_of_fold"]["strong"]["all"]["num_studies"] == 40
        assert metrics["decision"]["learnt_on"] == "out_of_fold"
        # a threshold is learnt for the model that is kept; all candidates have intervals overall
        at_threshold = {
            m: "view_at_threshold" in p["all"] for m, p in metrics["out_of_fold"].items()
        }
        assert at_threshold == {"weak": False, "strong": True}
        assert metrics["out_of_fold"]["weak"]["all"]["view_intervals"]["auroc"]
        assert "view_intervals" not in metrics["out_of_fold"]["weak"]["wrist"]
        assert metrics["out_of_fold"]["weak"]["wrist"]["view_auroc"] is not None
        assert metrics["test"] == {}

    def test_chosen_is_the_model_that_was_fitted_again(self):
        tables = [random_table(0, model=m, fold=0, role="out_of_fold") for m in ("first", "second")]
        tables.append(scored_table(HAND, model="second"))
        metrics = compute("cv", pl.concat(tables))
        assert metrics["chosen"] == "second"


class TestEstimate:
    def test_intervals_hold_their_estimates(self):
        measures = estimate(random_table(5), DECISION, seed=0)
        assert measures["num_groups"] == 60
        for level in ("view", "study"):
            for key, bounds in measures[f"{level}_intervals"].items():
                assert bounds["low"] < measures[f"{level}_{key}"] < bounds["high"]
                assert bounds["num_resamples"] == 2000

    def test_answers_at_the_threshold_stand_beside_those_at_one_half(self):
        scored = random_table(6)
        measures = estimate(scored, DECISION, seed=0)
        for level in ("view", "study"):
            threshold = DECISION.rule(level).threshold
            learnt, expected = measures[f"{level}_at_threshold"], measure(scored, threshold)
            assert learnt["threshold"] == threshold
            for key in ("accuracy", "kappa", "recall", "specificity", "f1", "confusion"):
                assert learnt[key] == expected[f"{level}_{key}"]
                assert key == "confusion" or learnt["intervals"][key]["low"] < learnt[key]
            assert learnt["intervals"]["auroc"] == measures[f"{level}_intervals"]["auroc"]
            assert learnt["kappa"] != measures[f"{level}_kappa"]

    def test_probabilities_are_judged_before_and_after_calibration(self):
        scored = random_table(7)
        measures = estimate(scored, DECISION, seed=0)
        labels, probabilities = scored["label"].to_numpy(), scored["probability"].to_numpy()
        brier = np.mean((probabilities - labels) ** 2)
        assert measures["view_brier"] == pytest.approx(brier)
        brier = np.mean((calibrate(probabilities, DECISION.view.temperature) - labels) ** 2)
        assert measures["view_calibrated_brier"] == pytest.approx(brier)
        assert 0 < measures["view_calibration_error"] < 1

    def test_few_patients_have_no_interval(self):
        measures = estimate(random_table(8, num_studies=MIN_GROUPS - 1), DECISION, seed=0)
        assert set(measures["view_intervals"].values()) == {None}
        assert set(measures["study_at_threshold"]["intervals"].values()) == {None}
        assert any(
            estimate(random_table(8, num_studies=MIN_GROUPS), None, 0)["view_intervals"].values()
        )

    def test_resamples_of_one_label_are_left_out_of_auroc(self):
        rows = [(f"s{n}", int(n == 0), 0.1 + n / 40) for n in range(20)]
        groups = pl.col("study_id").str.slice(1).cast(pl.Int64)
        scored = scored_table(rows).with_columns(group=groups)
        bounds = estimate(scored, None, seed=0)["study_intervals"]
        # the one abnormal patient is in 1 - (19 / 20) ** 20 = 64 % of resamples
        assert bounds["auroc"]["num_resamples"] == pytest.approx(2000 * 0.64, rel=0.05)
        assert bounds["accuracy"]["num_resamples"] == 2000
        normal = scored.with_columns(label=pl.lit(0, pl.Int64))
        one_label = estimate(normal, None, seed=0)["study_intervals"]
        assert one_label["auroc"] is None
        assert one_label["recall"] is None
        assert one_label["specificity"]["num_resamples"] == 2000

    def test_the_seed_decides(self):
        scored = random_table(9)
        assert estimate(scored, None, seed=1) == estimate(scored, None, seed=1)
        assert estimate(scored, None, seed=1) != estimate(scored, None, seed=2)
