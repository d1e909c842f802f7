"""Split: views become train and validation or folds, always by whole patient groups."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from sklearn.model_selection import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    StratifiedGroupKFold,
)

from shared.errors import TrainingError
from trainer.data import check_labels

HOLD_OUT_FOLDS = 5
"""A hold-out is one of this many folds: a fifth of the groups."""


@dataclass(frozen=True)
class Fold:
    """Two sets of views without a common group; rows of the manifest they were drawn from."""

    train: pl.DataFrame
    held_out: pl.DataFrame


def hold_out(views: pl.DataFrame, seed: int) -> Fold:
    """Hold a fifth of the groups out, stratified by label and part.

    Raises:
        TrainingError: there are too few groups, or a side would lack a label.
    """
    return next(draw_folds(views, HOLD_OUT_FOLDS, seed))


def draw_folds(views: pl.DataFrame, k: int, seed: int) -> Iterator[Fold]:
    """Yield `k` folds over groups, stratified by label and part, by StratifiedGroupKFold.

    Each view is held out once. The same views, `k` and seed give the same folds.

    Args:
        views: columns `view_id`, `group`, `label` and `body_part` at least.
        k: how many folds.
        seed: of the order in which groups are dealt.

    Raises:
        TrainingError: there are too few groups, or a side would lack a label.
    """
    views = views.sort("view_id")
    for label, groups in views.group_by("label").agg(pl.col("group").n_unique()).iter_rows():
        if groups < k:
            raise TrainingError(
                f"Expected at least {k} patient groups of each label for {k} folds. "
                f"Received: {groups} with label {label}"
            )
    stratum = views.select(pl.struct("body_part", "label").rank("dense")).to_series()
    dealer: Any = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a rare part may have fewer groups than folds; it is spread as far as it goes
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        dealt = list(dealer.split(stratum, stratum, views["group"]))
    for train_rows, held_out_rows in dealt:
        fold = Fold(views[train_rows], views[held_out_rows])
        for side in (fold.train, fold.held_out):
            check_labels(side, f"each side of {k} folds")
        yield fold
