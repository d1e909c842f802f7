"""Train one model with a hold-out for early stopping, then score it on the official valid split."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from shared.storage.atomic import convert_write_errors
from trainer.data.split import FitPlan
from trainer.evaluation.scored_table import score
from trainer.inference.trained_model import TrainedModel, build_model, predict
from trainer.options import FitOptions, TrainOptions
from trainer.report.error_analysis import HEAT_MAPS
from trainer.report.page import write_report
from trainer.runs.context import RunContext
from trainer.runs.digests import write_digests
from trainer.runs.provenance import describe_run
from trainer.runs.results_writer import write_tables
from trainer.runs.run_folder import MODEL_FILE, TENSORBOARD
from trainer.training.recipe import make_fit


def train(context: RunContext[TrainOptions], plan: FitPlan) -> None:
    """Train and score a model, and write results and report into the run folder.

    Raises:
        CorruptLakeError: the record of a view is damaged.
        TrainingError: the loss is not finite.
    """
    options = context.options
    fit = make_fit(context, options.model, plan)
    with context.timings.measure("train"):
        (trained,) = fit(plan, [options.candidate], options.candidate.name)
    save_trained(trained, context, plan)


def save_trained(
    trained: TrainedModel,
    context: RunContext[TrainOptions],
    plan: FitPlan,
    search: Mapping[str, Any] | None = None,
) -> None:
    """Score a trained model, and write all results and the report.

    `search` describes a hyperparameter search for `config.json`.
    """
    name = context.options.candidate.name
    with context.timings.measure("evaluate"):
        predictions = predict_sets([trained], plan, name)
    scored = score(predictions, context.lake.manifest)
    save_model([trained], context, scored)
    history = add_fit_columns(trained.history, name, None)
    config = describe_run("train", context, plan)
    save_results(context.folder, config | ({"search": search} if search else {}), history, scored)


def save_model(
    members: list[TrainedModel], context: RunContext[FitOptions], scored: pl.DataFrame
) -> None:
    """Write the model, and heat maps of the views in the report.

    Several members are saved as one ensemble that predicts their mean.
    """
    folder, options = context.folder, context.options
    with context.timings.measure("save"):
        model: Any = build_model(members, options.tta)  # keras has no stubs
        with convert_write_errors(folder / MODEL_FILE):
            model.save(folder / MODEL_FILE)

        # late, as it imports TensorFlow
        from trainer.inference.litert_file import write_litert

        write_litert(folder, model, context.lake, scored)
    # remove heat maps of an interrupted process, which may have had other image options
    shutil.rmtree(folder / HEAT_MAPS, ignore_errors=True)
    if options.images == "on":
        # late, as it imports TensorFlow
        from trainer.explain.report_images import write_report_images

        with context.timings.measure("explain"):
            write_report_images(folder, model, context.lake, scored)


def save_results(
    folder: Path, config: Mapping[str, Any], history: pl.DataFrame, scored: pl.DataFrame
) -> None:
    """Write the tables, logs and report of a run, and the digests of its files last.

    `config` comes from `describe_run`; `history` has one row per epoch, with `model` and `fold`.
    """
    from trainer.training.tensorboard import log_heads  # late, as it imports TensorFlow

    write_tables(folder, config, history, scored)
    log_heads(folder / TENSORBOARD, history)
    write_report(folder)
    write_digests(folder)


def predict_sets(members: list[TrainedModel], plan: FitPlan, name: str) -> pl.DataFrame:
    """Return the members' mean predictions for validation and test views; `fold` is null."""
    sets = {"validation": plan.validation, "test": plan.test}
    return pl.concat(
        add_fit_columns(predict(members, views), name, None, role=role)
        for role, views in sets.items()
    )


def add_fit_columns(
    table: pl.DataFrame, name: str, fold: int | None, **columns: str
) -> pl.DataFrame:
    """Add the columns that identify the fit of each row."""
    return table.with_columns(
        model=pl.lit(name),
        fold=pl.lit(fold, pl.Int64),
        **{k: pl.lit(v) for k, v in columns.items()},
    )
