"""Splits hold whole patient groups apart and stay balanced, on MURA's true patient structure."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedGroupKFold

from ingest.commit import Tables, commit
from ingest.phantom.tree import plan_tree
from shared.errors import TrainingError
from shared.lake.open import Lake
from trainer.data.dataset import Data, open_data
from trainer.data.group_kfold import assign_folds
from trainer.data.split import FitPlan, Fold, check_batch, draw_folds, hold_out, plan_fold_fits
from trainer.options import DataOptions, TrainOptions

NUM_VIEWS = 12_000


@pytest.fixture(scope="module")
def train_views() -> pl.DataFrame:
    """MURA's patients in small, with some tied by a shared image."""
    views = plan_tree(NUM_VIEWS, seed=3).filter(split="train")
    tied = pl.col("patient_id") - pl.when(pl.col("patient_id") % 50 == 0).then(1).otherwise(0)
    return views.with_columns(group=tied)


def count_shared_groups(folds: Iterable[Fold]) -> int:
    return sum(len(set(fold.train["group"]) & set(fold.held_out["group"])) for fold in folds)


@pytest.mark.parametrize("k", [2, 5, 10])
def test_no_group_is_on_both_sides_of_a_fold(train_views: pl.DataFrame, k: int) -> None:
    folds = list(draw_folds(train_views, k, seed=k))
    assert len(folds) == k
    assert count_shared_groups(folds) == 0
    held_out = pl.concat([fold.held_out for fold in folds]).sort("view_id")
    assert held_out.equals(train_views.sort("view_id"))


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.parametrize(("k", "seed"), [(2, 0), (5, 3)])
def test_folds_are_those_of_scikit_learn(train_views: pl.DataFrame, k: int, seed: int) -> None:
    views = train_views.sort("view_id")
    strata = views["body_part"] + views["label"].cast(pl.String)
    dealer = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    expected = [held_out for _, held_out in dealer.split(strata, strata, views["group"])]
    folds = [fold.held_out for fold in draw_folds(views, k, seed)]
    for fold, rows in zip(folds, expected, strict=True):
        assert fold.equals(views[rows])


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@settings(max_examples=20, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 15), st.integers(0, 1))
def test_any_groups_are_dealt_as_by_scikit_learn(seed: int, k: int, num: int, alike: int) -> None:
    random = np.random.default_rng(seed)
    groups = random.integers(0, 60, 200)
    strata = groups % num if alike else random.integers(0, num, 200)
    dealer = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    dealt = assign_folds(strata, groups, k, seed)
    for fold, (_, held_out) in enumerate(dealer.split(strata, strata, groups)):
        assert np.flatnonzero(dealt == fold).tolist() == held_out.tolist()


def test_folds_drawn_by_view_would_fail(train_views: pl.DataFrame) -> None:
    by_view = [
        Fold(train_views[train], train_views[held_out])
        for train, held_out in KFold(5, shuffle=True, random_state=0).split(train_views)
    ]
    assert count_shared_groups(by_view) > 1_000


@pytest.mark.parametrize("k", [2, 5, 10])
def test_folds_balance_labels_and_parts(train_views: pl.DataFrame, k: int) -> None:
    def shares(views: pl.DataFrame) -> pl.DataFrame:
        counts = views.group_by("body_part", "label").len("views")
        return counts.with_columns(share=pl.col("views") / views.height).drop("views")

    whole = shares(train_views)
    for fold in draw_folds(train_views, k, seed=1):
        assert fold.held_out.height == pytest.approx(train_views.height / k, rel=0.05)
        both = whole.join(shares(fold.held_out), on=["body_part", "label"], suffix="_fold")
        assert both.height == 14
        assert (both["share"] - both["share_fold"]).abs().max() < 0.012


def test_a_hold_out_is_a_fifth_of_the_groups(train_views: pl.DataFrame) -> None:
    fold = hold_out(train_views, seed=0)
    assert count_shared_groups([fold]) == 0
    assert fold.held_out.height == pytest.approx(train_views.height / 5, rel=0.05)
    assert fold.train.height + fold.held_out.height == train_views.height


def test_a_seed_is_a_split(train_views: pl.DataFrame) -> None:
    shuffled = train_views.sample(fraction=1, shuffle=True, seed=4)
    assert hold_out(train_views, 1).held_out.equals(hold_out(shuffled, 1).held_out)
    assert not hold_out(train_views, 1).held_out.equals(hold_out(train_views, 2).held_out)


def test_a_cross_validation_holds_three_sets_apart(train_views: pl.DataFrame, lake: Lake) -> None:
    plans = plan_fold_fits(Data(lake, train_views, train_views.clear()), k=4, seed=0)
    for plan in plans:
        sides = [set(views["group"]) for views in (plan.train, plan.validation, plan.test)]
        assert sum(map(len, sides)) == len(set().union(*sides)) == train_views["group"].n_unique()
    assert sum(plan.test.height for plan in plans) == train_views.height


def test_parts_too_rare_for_strata_are_still_split(train_views: pl.DataFrame) -> None:
    rare = pl.concat(
        rows.unique("group").head(3) for rows in train_views.partition_by("body_part", "label")
    )
    folds = list(draw_folds(rare, 5, seed=0))
    assert sum(fold.held_out.height for fold in folds) == rare.height
    assert count_shared_groups(folds) == 0


def test_too_few_groups_are_refused(train_views: pl.DataFrame) -> None:
    few = train_views.filter(pl.col("group").is_in(train_views["group"].unique().head(3)))
    with pytest.raises(TrainingError, match="Expected at least 10 patient groups of each label"):
        list(draw_folds(few, 10, seed=0))


def test_views_that_lack_a_label_or_are_none_are_refused(train_views: pl.DataFrame) -> None:
    for views in (train_views.filter(label=0), train_views.clear()):
        with pytest.raises(TrainingError, match=r"Received: 0 with label [01]$"):
            list(draw_folds(views, 5, seed=0))


def test_a_patient_of_the_valid_split_gives_no_train_views(lake: Lake, own_lake: Path) -> None:
    options = DataOptions(lake=str(lake.root))
    untied = open_data(options)
    assert untied.train.height == lake.manifest.filter(split="train").height
    assert set(untied.test["split"]) == {"valid"}

    group, valid_group = untied.train["group"][0], untied.test["group"][0]
    tied = lake.manifest.with_columns(group=pl.col("group").replace(group, valid_group))
    commit(own_lake, lake.image, lake.layout, Tables(tied, lake.rejects, lake.findings))
    data = open_data(DataOptions(lake=str(own_lake)))
    assert data.test.height == untied.test.height
    assert data.train.height == untied.train.filter(pl.col("group") != group).height


def test_an_image_of_the_valid_split_is_not_trained_on(lake: Lake, own_lake: Path) -> None:
    train, valid = (lake.manifest.filter(split=split) for split in ("train", "valid"))
    copied = pl.col("pixel_digest").replace(train["pixel_digest"][3], valid["pixel_digest"][0])
    tables = Tables(lake.manifest.with_columns(copied), lake.rejects, lake.findings)
    commit(own_lake, lake.image, lake.layout, tables)
    data = open_data(DataOptions(lake=str(own_lake)))
    assert (
        data.train["view_id"].to_list()
        == train["view_id"].gather([row for row in range(train.height) if row != 3]).to_list()
    )
    assert data.test.height == valid.height


def test_a_part_is_selected(lake: Lake) -> None:
    data = open_data(DataOptions(part="hand", lake=str(lake.root)))
    assert set(data.train["body_part"]) == set(data.test["body_part"]) == {"hand"}


@pytest.mark.parametrize(
    ("num_views", "batch_size", "devices", "is_refused"),
    [
        (64, 32, 4, False),
        (68, 32, 4, False),
        (67, 32, 4, True),
        (65, 32, 1, False),
        (8, 2, 4, True),
    ],
)
def test_each_device_has_a_view_of_each_batch(
    num_views: int, batch_size: int, devices: int, is_refused: bool
) -> None:
    views = pl.DataFrame({"label": [0] * num_views})
    options = TrainOptions(model="cnn4", batch_size=batch_size, devices=devices)
    plans = [FitPlan(views, views.clear(), views.clear())]
    if not is_refused:
        check_batch(options, plans)
        return
    with pytest.raises(TrainingError, match=f"devices=4 batch_size={batch_size}, {num_views}"):
        check_batch(options, plans)
