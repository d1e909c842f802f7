"""Train: one model, a hold-out for early stopping, one score on the official valid split."""

from dataclasses import dataclass
from pathlib import Path

import keras
import polars as pl

from trainer.data import Data
from trainer.fit import fit, predict
from trainer.metrics import score
from trainer.options import FitOptions, TrainOptions
from trainer.report.page import write_report
from trainer.run_folder import (
    Phases,
    describe_run,
    write_tables,
)
from trainer.split import hold_out


@dataclass(frozen=True)
class Final:
    """The model that a run ends with.

    Attributes:
        model: with the weights of its best epoch.
        history: one row an epoch, with `model` and `fold` (null).
        predictions: of validation and test views, with `model`, `fold` (null) and `role`.
        sets: the views of train, validation and test.
    """

    model: keras.Model
    history: pl.DataFrame
    predictions: pl.DataFrame
    sets: dict[str, pl.DataFrame]


def train(options: TrainOptions, data: Data, folder: Path) -> None:
    """Train, score and write all results and the report into `folder`.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        TrainingError: the part has too few patients.
    """
    phases = Phases()
    final = fit_final(data, options.model, options, phases)
    final.model.save(folder / "model.keras")
    config = describe_run("train", options, data.lake, final.sets, phases)
    write_tables(folder, config, final.history, score(final.predictions, data.lake.manifest))
    write_report(folder)


def fit_final(data: Data, model_name: str, options: FitOptions, phases: Phases) -> Final:
    """Fit a model on the train split, a fifth of its groups held out; score the rest once.

    Args:
        data: the train split, and the official valid split as the test.
        model_name: a key of `trainer.models.MODELS`.
        options: of the fit.
        phases: gets the seconds of `train` and `evaluate`.
    """
    fold = hold_out(data.train, options.seed)
    with phases.measure("train"):
        fitted = fit(data.lake, fold, model_name, options, model_name)
    sets = {"train": fold.train, "validation": fold.held_out, "test": data.test}
    with phases.measure("evaluate"):
        predictions = [
            label_set(predict(fitted.model, data.lake, sets[role]), model_name, None, role=role)
            for role in ("validation", "test")
        ]
    history = label_set(fitted.history, model_name, None)
    return Final(fitted.model, history, pl.concat(predictions), sets)


def label_set(table: pl.DataFrame, model_name: str, fold: int | None, **more: str) -> pl.DataFrame:
    """Return the table with the columns that say which fit its rows come from."""
    return table.with_columns(
        model=pl.lit(model_name),
        fold=pl.lit(fold, pl.Int64),
        **{k: pl.lit(v) for k, v in more.items()},
    )
