"""Cases: which mistakes are the most confident, which studies the most uncertain."""

import math

import polars as pl

from tests.trainer.scored_tables import random_table, scored_table
from trainer.evaluation.decisions.decision import Decision, Rule
from trainer.evaluation.decisions.thresholds import decide
from trainer.options.threshold import parse_threshold
from trainer.report.error_analysis import find_mistakes, find_uncertain, shown_views


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_mistakes_are_of_the_learnt_threshold_and_the_worst_comes_first() -> None:
    rows = random_table(3)
    decision = decide(random_table(4, role="validation"), "cnn", parse_threshold("0.4"))
    threshold = decision.view.threshold
    assert threshold != 0.5
    wrong = {
        row["view_id"]: abs(_log_odds(row["probability"]) - _log_odds(threshold))
        for row in rows.to_dicts()
        if (row["probability"] >= threshold) != (row["label"] == 1)
    }
    expected = sorted(wrong, key=lambda view: -wrong[view])[:8]
    assert len(wrong) > 8
    assert find_mistakes(rows, decision)["view_id"].to_list() == expected


def test_what_was_missed_counts_like_a_false_alarm_wherever_the_threshold_is() -> None:
    rows = scored_table([("missed", 1, 0.01), ("alarm", 0, 0.6), ("right", 1, 0.9)])
    decision = Decision("cnn", view=Rule(threshold=0.1))
    assert find_mistakes(rows, decision)["study_id"].to_list() == ["alarm", "missed"]


def test_certain_answers_of_both_kinds_are_equally_far() -> None:
    rows = scored_table([("z", 1, 0.0), ("a", 0, 1.0)])
    assert find_mistakes(rows, Decision("cnn"))["study_id"].to_list() == ["a", "z"]
    assert find_mistakes(rows, Decision("cnn"))["distance"].is_finite().all()


def test_the_most_uncertain_studies_are_shown_with_all_their_views() -> None:
    rows = random_table(5)
    decision = Decision("cnn", study=Rule(temperature=2, threshold=0.4))
    logit = (pl.col("probability") / (1 - pl.col("probability"))).log().mean()
    means = dict(rows.group_by("study_id").agg(logit).iter_rows())
    distance = {study: abs(mean - _log_odds(0.4)) for study, mean in means.items()}
    expected = sorted(distance, key=lambda study: distance[study])[:6]
    assert find_uncertain(rows, decision)["study_id"].to_list() == expected
    views = rows.filter(pl.col("study_id").is_in(expected))["view_id"]
    assert set(views) <= shown_views(rows, decision)


def test_the_order_of_rows_does_not_matter() -> None:
    rows, decision = random_table(6), Decision("cnn")
    again = rows.sample(fraction=1, shuffle=True, seed=1)
    for find in (find_mistakes, find_uncertain):
        assert find(again, decision).equals(find(rows, decision))
