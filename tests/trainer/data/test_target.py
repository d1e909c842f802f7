"""Targets number the classes of views; weights make classes count the same."""

from typing import get_args

import numpy as np
import polars as pl
import pytest

from shared.errors import TrainingError
from shared.labels import MURA_PARTS
from trainer.data.target import (
    Target,
    abnormal_probability,
    class_weights,
    make_target,
    make_targets,
    predictions_table,
)
from trainer.options import ClassWeight

VIEWS = pl.DataFrame(
    {
        "view_id": list("abcdefgh"),
        "split": ["train"] * 7 + ["valid"],
        "body_part": ["wrist"] * 4 + ["hand"] * 3 + ["elbow"],
        "label": [0, 0, 0, 1, 0, 1, 1, 1],
    }
)


def test_mura_has_14_classes() -> None:
    parts = pl.DataFrame({"body_part": MURA_PARTS, "split": ["train"] * 7})
    target = make_target("part_abnormal", parts)
    assert target.num_outputs == len(target.class_names) == 14
    assert target.class_names[:2] == ("elbow normal", "elbow abnormal")
    assert target.class_names[-1] == "wrist abnormal"


def test_every_view_of_a_lake_has_the_class_of_its_part_and_label() -> None:
    target = make_target("part_abnormal", VIEWS)
    names = [target.class_names[number] for number in target.numbers(VIEWS)]
    assert names[2:5] == ["wrist normal", "wrist abnormal", "hand normal"]
    assert names[-1] == "elbow abnormal"
    assert len(target.class_names) == 6


def test_abnormal_alone_is_the_label() -> None:
    target = make_target("abnormal", VIEWS)
    assert target == Target("abnormal")
    assert target.num_outputs == 1
    assert target.class_names == ("normal", "abnormal")
    assert target.numbers(VIEWS).tolist() == VIEWS["label"].to_list()


def test_one_part_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"two body parts .* Received: wrist"):
        make_target("part_abnormal", VIEWS.filter(pl.col("body_part") != "hand"))


def test_the_probability_of_abnormal_is_the_sum_over_abnormal_classes() -> None:
    outputs = np.array([[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0], [0, 0.5, 0, 0.5]], np.float32)
    np.testing.assert_allclose(abnormal_probability(outputs), [0.6, 0, 1], atol=1e-7)
    random = np.random.default_rng(0).dirichlet([0.1] * 14, 10_000).astype(np.float32)
    random[:, ::2] = 0  # all abnormal, with sums that float32 does not make 1
    assert (abnormal_probability(random) <= 1).all()
    np.testing.assert_array_equal(abnormal_probability(np.array([[0.25]], np.float32)), [0.25])


def test_predictions_have_classes_where_there_are_some() -> None:
    views = VIEWS.head(2)
    binary = predictions_table(views, np.array([[0.25], [0.5]], np.float32))
    assert binary.to_dict(as_series=False) == {"view_id": ["a", "b"], "probability": [0.25, 0.5]}
    table = predictions_table(views, np.array([[0.25, 0.25, 0, 0.5]] * 2, np.float32))
    assert table["probability"].to_list() == [0.75, 0.75]
    assert table["class_probabilities"].to_list() == [[0.25, 0.25, 0, 0.5]] * 2
    none = predictions_table(views.clear(), np.zeros((0, 4), np.float32))
    assert none.schema == table.schema
    assert none.schema["class_probabilities"] == pl.List(pl.Float64)


@pytest.mark.parametrize(
    ("balance", "columns"), [("label", ["label"]), ("part_label", ["body_part", "label"])]
)
def test_weights_of_classes_sum_to_the_same(balance: ClassWeight, columns: list[str]) -> None:
    weights = class_weights(VIEWS, balance)
    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(1)
    sums = VIEWS.with_columns(weight=pl.Series(weights)).group_by(columns).agg(pl.sum("weight"))
    np.testing.assert_allclose(sums["weight"], 8 / sums.height, rtol=1e-6)


def test_truth_has_weights_only_where_they_differ() -> None:
    target = make_target("part_abnormal", VIEWS)
    for balance in get_args(ClassWeight):
        numbers, *weights = make_targets(VIEWS, target, balance)
        assert numbers.shape == (8, 1)
        assert numbers[:, 0].tolist() == target.numbers(VIEWS).tolist()
        assert [w.shape for w in weights] == ([] if balance == "none" else [(8,)])
