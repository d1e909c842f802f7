"""Train: one model, a hold-out for early stopping, one score on the official valid split."""

from dataclasses import dataclass
from pathlib import Path

import keras
import polars as pl

from shared.lake import Lake
from trainer.metrics import score
from trainer.options import TrainOptions
from trainer.outcome import write_tables
from trainer.provenance import Phases, describe_run
from trainer.report.page import write_report
from trainer.run_folder import count_starts
from trainer.split import FitPlan
from trainer.tune import Fit, make_fit


@dataclass(frozen=True)
class Final:
    """The model that a run ends with.

    Attributes:
        model: with the weights of its best epoch.
        history: one row an epoch, with `model` and `fold` (null).
        predictions: of validation and test views, with `model`, `fold` (null) and `role`.
    """

    model: keras.Model
    history: pl.DataFrame
    predictions: pl.DataFrame


def train(options: TrainOptions, lake: Lake, plan: FitPlan, folder: Path, phases: Phases) -> None:
    """Train, score and write all results and the report into `folder`.

    Args:
        options: model and fit.
        lake: where the views' pixels are.
        plan: the views.
        folder: the run's.
        phases: of the run so far.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        TrainingError: the loss is no longer a number.
    """
    fit = make_fit(lake, options.model, options, plan, folder, phases)
    final = fit_final(plan, options.model, fit, phases)
    final.model.save(folder / "model.keras")
    config = describe_run("train", options, lake, plan, phases, count_starts(folder))
    write_tables(folder, config, final.history, score(final.predictions, lake.manifest))
    write_report(folder)


def fit_final(plan: FitPlan, model_name: str, fit: Fit, phases: Phases) -> Final:
    """Fit the model that is kept, and predict its validation and test views.

    Args:
        plan: the views.
        model_name: a key of `trainer.models.MODELS`.
        fit: how the model is fitted.
        phases: gets the seconds of `train` and `evaluate`.
    """
    with phases.measure("train"):
        fitted = fit(plan, model_name)
    with phases.measure("evaluate"):
        predictions = [
            label_set(fitted.predict(views), model_name, None, role=role)
            for role, views in (("validation", plan.validation), ("test", plan.test))
        ]
    history = label_set(fitted.history, model_name, None)
    return Final(fitted.build(), history, pl.concat(predictions))


def label_set(table: pl.DataFrame, model_name: str, fold: int | None, **more: str) -> pl.DataFrame:
    """Return the table with the columns that say which fit its rows come from."""
    return table.with_columns(
        model=pl.lit(model_name),
        fold=pl.lit(fold, pl.Int64),
        **{k: pl.lit(v) for k, v in more.items()},
    )
