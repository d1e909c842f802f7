"""Split: views become train, validation, test and folds, always by whole patient groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.console import Progress
from shared.errors import TrainingError
from trainer.data.dataset import Data, check_labels
from trainer.data.group_kfold import assign_folds
from trainer.options import FitOptions

HOLD_OUT_FOLDS = 5
"""A hold-out is one of this many folds: a fifth of the groups."""


@dataclass(frozen=True)
class Fold:
    """Two sets of views without a common group; rows of the manifest they were drawn from."""

    train: pl.DataFrame
    held_out: pl.DataFrame


@dataclass(frozen=True)
class FitPlan:
    """Three sets of views without a common group.

    Attributes:
        train: what a model is fitted to.
        validation: what early stopping watches.
        test: what the fitted model predicts, and nothing was tuned on.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame


def plan_final_fit(data: Data, seed: int) -> FitPlan:
    """Plan the fit whose model is kept: the official valid split is the test.

    Raises:
        TrainingError: there are too few groups, or a side would lack a label.
    """
    fold = hold_out(data.train, seed)
    return FitPlan(fold.train, fold.held_out, data.test)


def plan_fold_fits(data: Data, k: int, seed: int) -> list[FitPlan]:
    """Plan the fits of a cross-validation: each fold is the test of one.

    What early stopping watches is held out of that fold's own train groups, so that out-of-fold
    predictions are of views that nothing was tuned on.

    Raises:
        TrainingError: there are too few groups, or a side would lack a label.
    """
    plans: list[FitPlan] = []
    with Progress("split", k, "folds") as progress:
        for fold in draw_folds(data.train, k, seed):
            inner = hold_out(fold.train, seed)
            plans.append(FitPlan(inner.train, inner.held_out, fold.held_out))
            progress.advance()
    return plans


def check_batch(models: Sequence[str], options: FitOptions, plans: Sequence[FitPlan]) -> None:
    """Refuse batches that no set of train views fills, where models are trained in batches.

    Raises:
        TrainingError: a plan has fewer train views than a batch.
    """
    num_views = min(plan.train.height for plan in plans)
    trains_in_batches = any(options.trained_part(model) != "head" for model in models)
    if num_views < options.batch_size and trains_in_batches:
        raise TrainingError(
            f"Expected at most {num_views} views in a batch, as many as there are to train on. "
            f"Received: batch_size={options.batch_size}"
        )


def hold_out(views: pl.DataFrame, seed: int) -> Fold:
    """Hold a fifth of the groups out, stratified by label and part.

    Raises:
        TrainingError: there are too few groups, or a side would lack a label.
    """
    return next(_deal(views, HOLD_OUT_FOLDS, seed, "to hold a fifth out for validation"))


def draw_folds(views: pl.DataFrame, k: int, seed: int) -> Iterator[Fold]:
    """Yield `k` folds over groups, stratified by label and part.

    They are those of scikit-learn's StratifiedGroupKFold. Each view is held out once. The same
    views, `k` and seed give the same folds.

    Args:
        views: columns `view_id`, `group`, `label` and `body_part` at least.
        k: how many folds.
        seed: of the order in which groups are dealt.

    Raises:
        TrainingError: there are too few groups, or a side would lack a label.
    """
    return _deal(views, k, seed, f"for {k} folds")


def _deal(views: pl.DataFrame, k: int, seed: int, purpose: str) -> Iterator[Fold]:
    views = views.sort("view_id")
    for label, groups in views.group_by("label").agg(pl.col("group").n_unique()).iter_rows():
        if groups < k:
            raise TrainingError(
                f"Expected at least {k} patient groups of each label {purpose}. "
                f"Received: {groups} with label {label}"
            )
    dealt = pl.Series(assign_folds(_strata(views, k), views["group"].to_numpy(), k, seed))
    for number in range(k):
        fold = Fold(views.filter(dealt != number), views.filter(dealt == number))
        for side in (fold.train, fold.held_out):
            check_labels(side, f"each side {purpose}")
        yield fold


def _strata(views: pl.DataFrame, k: int) -> npt.NDArray[np.int64]:
    """Number label and part together, or the label alone where no part has views for `k` folds."""
    if views.group_by("body_part", "label").len()["len"].to_numpy().max() < k:
        return views["label"].to_numpy()
    numbers = pl.struct("body_part", "label").rank("dense").cast(pl.Int64)
    return views.select(numbers).to_series().to_numpy()
