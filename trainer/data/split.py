"""Split views into train, validation, test and folds by whole patient groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.errors import TrainingError
from shared.labels import LABEL_NAMES
from shared.progress import Progress
from trainer.data.dataset import Data, check_labels
from trainer.data.group_kfold import assign_folds
from trainer.options import FitOptions

# a hold-out is one of five folds: 20 % of the groups
HOLD_OUT_FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """Two sets of views with no group in common; rows of the manifest."""

    train: pl.DataFrame
    held_out: pl.DataFrame


@dataclass(frozen=True)
class FitPlan:
    """Three sets of views with no group in common.

    `validation` is for early stopping, or for the temperature and the decision threshold; no choice
    depends on `test`.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame

    @property
    def fitted(self) -> pl.DataFrame:
        """The views that a model may be fitted to: train and validation."""
        return pl.concat([self.train, self.validation])

    def without_validation(self) -> "FitPlan":
        """Return the plan with the validation views moved to train."""
        return FitPlan(self.fitted, self.validation.clear(), self.test)


def plan_final_fit(data: Data, seed: int) -> FitPlan:
    """Plan the fit of the final model, with the official valid split as the test set."""
    fold = hold_out(data.train, seed)
    return FitPlan(fold.train, fold.held_out, data.test)


def plan_fold_fits(data: Data, k: int, seed: int) -> list[FitPlan]:
    """Plan the fits of a cross-validation: each fold is the test set of one fit."""
    # The validation views for early stopping are held out of the train groups of the fold, so that
    # out-of-fold predictions are for views that influenced no choice.
    plans: list[FitPlan] = []
    with Progress("split", k, "folds") as progress:
        for fold in draw_folds(data.train, k, seed):
            inner = hold_out(fold.train, seed)
            plans.append(FitPlan(inner.train, inner.held_out, fold.held_out))
            progress.advance()
    return plans


def check_batch(options: FitOptions, plans: Sequence[FitPlan]) -> None:
    """Raise TrainingError if a model trains in batches, and a plan has too few views for them."""
    if all(options.trained_part(model) == "head" for model in options.model_names):
        return
    batch_size, devices = options.batch_size, options.devices
    for num_views in sorted(plan.train.height for plan in plans):
        if num_views < batch_size:
            raise TrainingError(
                "Expected batch_size to be at most the number of train views. "
                f"Received: batch_size={batch_size}, {num_views} train views"
            )
        # batch normalization of a device without views would make the weights NaN
        if (num_last := num_views % batch_size or batch_size) < devices:
            raise TrainingError(
                "Expected a view for each device in the last batch of an epoch; another batch_size "
                f"has more. Received: devices={devices} batch_size={batch_size}, {num_views} train "
                f"views, {num_last} of them in the last batch"
            )


def hold_out(views: pl.DataFrame, seed: int) -> Fold:
    """Hold out a fifth of the groups, stratified by label and body part.

    Raises:
        TrainingError: there are too few groups, or a set would lack a label.
    """
    return next(_split_by_group(views, HOLD_OUT_FOLDS, seed, "for a hold-out of one fifth"))


def draw_folds(views: pl.DataFrame, k: int, seed: int) -> Iterator[Fold]:
    """Yield `k` folds over groups, stratified by label and body part.

    Raises:
        TrainingError: there are too few groups, or a set would lack a label.
    """
    return _split_by_group(views, k, seed, f"for {k} folds")


def _split_by_group(views: pl.DataFrame, k: int, seed: int, purpose: str) -> Iterator[Fold]:
    # folds must not depend on the order of the rows
    views = views.sort("view_id")
    for label in range(len(LABEL_NAMES)):
        groups = views.filter(label=label)["group"].n_unique()
        if groups < k:
            raise TrainingError(
                f"Expected at least {k} patient groups of each label {purpose}. "
                f"Received: {groups} with label {label}"
            )
    fold_numbers = pl.Series(assign_folds(_strata(views, k), views["group"].to_numpy(), k, seed))
    for number in range(k):
        fold = Fold(views.filter(fold_numbers != number), views.filter(fold_numbers == number))
        for side in (fold.train, fold.held_out):
            check_labels(side, f"each side {purpose}")
        yield fold


def _strata(views: pl.DataFrame, k: int) -> npt.NDArray[np.int64]:
    """Number the pairs of body part and label; the labels alone if no pair has `k` views."""
    if views.group_by("body_part", "label").len()["len"].to_numpy().max() < k:
        return views["label"].to_numpy()
    numbers = pl.struct("body_part", "label").rank("dense").cast(pl.Int64)
    return views.select(numbers).to_series().to_numpy()
