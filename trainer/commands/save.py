"""Saving of a fitted model as a run: model, heat maps, tables, report and digests."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from shared.console import note
from shared.storage.atomic import convert_write_errors
from trainer.data.split import FitPlan
from trainer.evaluation.decisions.thresholds import decide
from trainer.evaluation.results import selected_model
from trainer.evaluation.scored_table import final_rows, score
from trainer.inference.novelty import write_reference
from trainer.inference.reference_fit import fit_reference, fit_trained_reference, read_borders
from trainer.inference.trained_model import TrainedModel, build_model, predict
from trainer.keras_import import keras
from trainer.options import CvOptions, FitOptions, TrainOptions
from trainer.options.threshold import parse_threshold
from trainer.report.error_analysis import HEAT_MAPS
from trainer.report.page import write_report
from trainer.runs.context import RunContext
from trainer.runs.provenance import describe_run
from trainer.runs.results_writer import write_tables
from trainer.runs.run_folder import MODEL_FILE, REFERENCE_FILE
from trainer.runs.saved.run_files import write_digests
from trainer.runs.saved.training_views import write_training_views


@dataclass(frozen=True)
class FitResults:
    """The models to save as one, which predicts their mean, and the results of the run.

    Attributes:
        command: `train` or `cv`.
        history: one row per epoch, with `model` and `fold`.
        predictions: of all sets, with `model`, `fold` and `role`.
        facts: more entries of `config.json`: a hyperparameter search, or the seeds of the members.
    """

    command: str
    members: list[TrainedModel]
    model_name: str
    history: pl.DataFrame
    predictions: pl.DataFrame
    facts: Mapping[str, Any]


def save_run(
    results: FitResults,
    context: RunContext[TrainOptions | CvOptions],
    plan: FitPlan,
    compared: FitPlan,
) -> None:
    """Score the predictions, and write all files of a run.

    Args:
        plan: of the saved model.
        compared: of the model whose features are compared with those of new views.
    """
    scored = score(results.predictions, context.lake.manifest)
    rule = parse_threshold(context.options.threshold)
    decision = decide(scored, selected_model(scored), rule, context.options.seed)
    model = _save_model(results, context, scored)
    # remove heat maps of an interrupted process, which may have had other image options
    shutil.rmtree(context.folder / HEAT_MAPS, ignore_errors=True)
    if context.options.images == "on":
        # late, as it imports TensorFlow
        from trainer.explain.heat_map_files import write_report_images

        note("computing heat maps")
        with context.timings.measure("explain"):
            write_report_images(context.folder, model, context.lake, scored, decision)
    _save_reference(results.members[0], context, compared)
    config = describe_run(results.command, context, plan) | dict(results.facts)
    write_training_views(context.folder, plan, context.start_views)
    write_tables(context.folder, config, results.history, scored, decision)
    note("writing the report")
    write_report(context.folder)
    # last, because a folder with digests is a finished run
    write_digests(context.folder)


def _save_model(
    results: FitResults, context: RunContext[FitOptions], scored: pl.DataFrame
) -> keras.Model:
    folder, lake, members = context.folder, context.lake, results.members
    note("saving the model")
    with context.timings.measure("save"):
        tta = context.options.tta_of(results.model_name)
        model: Any = build_model(members, tta)  # keras has no stubs
        with convert_write_errors(folder / MODEL_FILE):
            model.save(folder / MODEL_FILE)

        # late, as it imports TensorFlow
        from trainer.inference.litert_file import NUM_COMPARED, write_litert

        # predicted again, because validation views may have predictions of an earlier head
        names = final_rows(scored)["view_id"].head(NUM_COMPARED)
        expected = predict(members, lake.manifest.filter(pl.col("view_id").is_in(names)))
        write_litert(folder, model, members[0].convert_backbone(), lake, expected)
    return model


def _save_reference(trained: TrainedModel, context: RunContext[FitOptions], plan: FitPlan) -> None:
    # an interrupted process may have written the file of another model
    (context.folder / REFERENCE_FILE).unlink(missing_ok=True)
    seed = context.options.seed
    with context.timings.measure("save"):
        if trained.embed:
            features, groups = trained.embed(plan.fitted), plan.fitted["group"].to_numpy()
            reference = fit_reference(features, groups, seed)
        else:
            # reads `model.tflite`, which is in the run folder by now
            reference = fit_trained_reference(context.folder, context.lake, plan, seed)
        if reference:
            borders = read_borders(context.lake, plan.fitted, seed)
            write_reference(context.folder, replace(reference, borders=borders))


def predict_set(
    members: list[TrainedModel], views: pl.DataFrame, name: str, role: str
) -> pl.DataFrame:
    """Return the members' mean predictions for the views of a role; `fold` is null."""
    return add_fit_columns(predict(members, views), name, None, role=role)


def add_fit_columns(
    table: pl.DataFrame, name: str, fold: int | None, **columns: str
) -> pl.DataFrame:
    """Add the columns that identify the fit of each row."""
    return table.with_columns(
        model=pl.lit(name),
        fold=pl.lit(fold, pl.Int64),
        **{k: pl.lit(v) for k, v in columns.items()},
    )
