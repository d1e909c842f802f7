"""Class metrics agree with scikit-learn's, by view and by study, and have intervals by patient."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    metrics as sklearn_metrics,
)

from shared.errors import TrainingError
from tests.trainer.scored_tables import random_table
from trainer.data.target import Target
from trainer.evaluation.bootstrap import MIN_GROUPS
from trainer.evaluation.decisions.thresholds import decide
from trainer.evaluation.metrics import measure
from trainer.evaluation.multiclass import measure_classes
from trainer.evaluation.results import compute_metrics
from trainer.evaluation.scored_table import CLASS_PROBABILITIES

sk: Any = sklearn_metrics

TARGET = Target("part_abnormal", ("elbow", "hand", "wrist"))
NAMES = TARGET.class_names


def class_table(seed: int, num_studies: int = 60, skill: float = 1.0, **more: Any) -> pl.DataFrame:
    """Return a scored table of views of hand and wrist; the elbow's classes have no rows."""
    parts = pl.when(pl.col("group") % 3 == 0).then(pl.lit("hand")).otherwise(pl.lit("wrist"))
    table = random_table(seed, num_studies, **more).with_columns(body_part=parts)
    rng = np.random.default_rng(seed)
    scores = rng.gumbel(size=(table.height, len(NAMES)))
    scores[np.arange(table.height), TARGET.numbers(table)] += 2 * skill
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return table.with_columns(
        probability=pl.Series(chances[:, 1::2].sum(axis=1)),
        **{CLASS_PROBABILITIES: pl.Series(chances.tolist())},
    )


def by_hand(scored: pl.DataFrame, level: str) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and answers, a study's of the mean over its views."""
    key = {"view": "view_id", "study": "study_id"}[level]
    groups = scored.partition_by(key)
    means = [np.mean(rows[CLASS_PROBABILITIES].to_list(), axis=0) for rows in groups]
    truth = TARGET.numbers(pl.concat([rows.head(1) for rows in groups]))
    return truth, np.argmax(means, axis=1)


@pytest.mark.parametrize("level", ["view", "study"])
def test_measures_are_those_of_scikit_learn(level: str) -> None:
    scored = class_table(1)
    measures = measure_classes(scored, NAMES, seed=0)
    truth, answers = by_hand(scored, level)
    assert measures[f"{level}_accuracy"] == pytest.approx(np.mean(truth == answers))
    assert measures[f"{level}_kappa"] == pytest.approx(sk.cohen_kappa_score(truth, answers))
    present = np.unique(truth)
    macro = sk.f1_score(truth, answers, labels=present, average="macro", zero_division=0)
    assert measures[f"{level}_macro_f1"] == pytest.approx(macro)
    assert measures[f"{level}_majority_accuracy"] == np.bincount(truth).max() / truth.size
    expected = sk.confusion_matrix(truth, answers, labels=range(len(NAMES)))
    assert measures[f"{level}_confusion"] == expected.tolist()
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        truth, answers, labels=range(len(NAMES)), zero_division=0
    )
    for index, row in enumerate(measures[f"{level}_classes"]):
        assert row["name"] == NAMES[index]
        assert row["support"] == support[index]
        assert row["recall"] == (pytest.approx(recall[index]) if support[index] else None)
        assert row["precision"] == pytest.approx(precision[index])
        assert row["f1"] == pytest.approx(f1[index])


def test_nothing_relies_on_the_order_of_rows() -> None:
    scored = class_table(2)
    shuffled = scored.sample(fraction=1, shuffle=True, seed=1)
    assert measure_classes(scored, NAMES, 0) == measure_classes(shuffled, NAMES, 0)


def test_intervals_hold_their_estimates_and_widen_with_fewer_patients() -> None:
    many, few = (measure_classes(class_table(3, n), NAMES, 0) for n in (400, 40))
    for level in ("view", "study"):
        for key, bounds in many[f"{level}_intervals"].items():
            assert bounds["low"] < many[f"{level}_{key}"] < bounds["high"]
            wider = few[f"{level}_intervals"][key]
            assert wider["high"] - wider["low"] > 1.5 * (bounds["high"] - bounds["low"])
    none = measure_classes(class_table(3, MIN_GROUPS - 1), NAMES, 0)
    assert set(none["view_intervals"].values()) == {None}


def test_a_perfect_and_a_single_answer() -> None:
    scored = class_table(4, skill=50)
    perfect = measure_classes(scored, NAMES, 0)
    assert [perfect[f"view_{key}"] for key in ("accuracy", "kappa", "macro_f1")] == [1, 1, 1]
    always = scored.with_columns(
        pl.lit([0.0, 0, 0, 0, 1, 0]).alias(CLASS_PROBABILITIES)
    )  # every view a normal wrist
    measures = measure_classes(always, NAMES, 0)
    assert measures["view_kappa"] == 0
    assert measures["view_accuracy"] <= measures["view_majority_accuracy"]
    with pytest.raises(TrainingError, match="num_views=0"):
        measure_classes(scored.clear(), NAMES, 0)


@pytest.mark.parametrize("command", ["train", "cv"])
def test_metrics_of_a_run_have_the_classes_beside_the_binary_measures(command: str) -> None:
    tables = [class_table(5), class_table(6, role="validation")]
    if command == "cv":
        tables += [
            class_table(7 + n, model=m, fold=n, role="out_of_fold")
            for n in (0, 1)
            for m in ("cnn", "other")
        ]
    scored = pl.concat(tables)
    config = {"command": command, "options": {"seed": 0}, "classes": list(NAMES)}
    metrics = compute_metrics(config, scored, decide(scored, "cnn"))
    assert metrics["test"]["all"].items() >= measure(tables[0]).items()
    classes = metrics["classes"]
    assert classes["names"] == list(NAMES)
    assert classes["test"] == measure_classes(tables[0], NAMES, 0)
    assert classes["validation"]["num_views"] == tables[1].height
    if command == "cv":
        own = pl.concat([table for table in tables[2:] if table["model"][0] == "cnn"])
        assert classes["out_of_fold"] == measure_classes(own, NAMES, 0)
    else:
        assert classes["out_of_fold"] == {}
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
