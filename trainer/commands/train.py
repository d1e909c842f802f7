"""Train one model, then score it on the official valid split."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from shared.storage.atomic import convert_write_errors
from trainer.data.split import FitPlan
from trainer.evaluation.decisions.thresholds import decide
from trainer.evaluation.results import selected_model
from trainer.evaluation.scored_table import final_rows, score
from trainer.inference.novelty import write_reference
from trainer.inference.reference_fit import (
    fit_reference,
    fit_trained_reference,
    read_borders,
)
from trainer.inference.trained_model import TrainedModel, build_model, predict
from trainer.options import FitOptions, TrainOptions
from trainer.options.threshold import parse_threshold
from trainer.report.error_analysis import HEAT_MAPS
from trainer.report.page import write_report
from trainer.runs.context import RunContext
from trainer.runs.provenance import describe_run
from trainer.runs.results_writer import write_tables
from trainer.runs.run_folder import MODEL_FILE, REFERENCE_FILE
from trainer.runs.saved.digests import write_digests
from trainer.runs.saved.training_views import write_training_views
from trainer.training.recipe import Fit, make_fit


def train(context: RunContext[TrainOptions], plan: FitPlan) -> None:
    """Train and score a model, and write results and report into the run folder.

    Raises:
        CorruptLakeError: the record of a view is damaged.
        TrainingError: the loss is not finite.
    """
    options = context.options
    fit = make_fit(context, options.model, plan)
    name, seeds = options.candidate.name, range(options.seed, options.seed + options.seeds)
    if len(seeds) == 1:
        with context.timings.measure("train"):
            trained = fit(plan, [options.candidate], name)
        save_trained(trained, fit, context, plan)
        return
    members: list[TrainedModel] = []
    for seed in seeds:
        seeded = replace(context, options=replace(options, seed=seed, seeds=1))
        fit = make_fit(seeded, options.model, plan)
        with context.timings.measure("train"):
            members += fit(plan, [options.candidate], f"{name}, seed {seed}")
    save_trained(members, fit, context, plan, {"seeds": list(seeds)})


def save_trained(
    members: Sequence[TrainedModel],
    fit: Fit,
    context: RunContext[TrainOptions],
    plan: FitPlan,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Score trained models together, and write all results and the report.

    The validation views are predicted by the members, which were not fitted to them. A head is then
    fitted again with the same settings to train and validation views, saved, and tested.

    Args:
        members: models fitted to the plan's train views, to be saved as one.
        fit: the fit function of a head.
        facts: more entries of `config.json`: a hyperparameter search, or the seeds of the members.
    """
    options = context.options
    name, final = options.candidate.name, list(members)
    if options.trained_part(options.model) == "head":
        with context.timings.measure("train"):
            final = fit(plan.without_validation(), [options.candidate], name)
    with context.timings.measure("evaluate"):
        predictions = pl.concat(
            [
                predict_set(list(members), plan.validation, name, "validation"),
                predict_set(final, plan.test, name, "test"),
            ]
        )
    scored = score(predictions, context.lake.manifest)
    save_model(final, context, options.model, scored)
    save_reference(final[0], context, plan)
    history = pl.concat(
        [
            add_fit_columns(member.history, name, number if len(members) > 1 else None)
            for number, member in enumerate(members)
        ]
    )
    config = describe_run("train", context, plan)
    write_training_views(context.folder, plan)
    save_results(context.folder, config | dict(facts or {}), history, scored)


def save_model(
    members: list[TrainedModel],
    context: RunContext[FitOptions],
    model_name: str,
    scored: pl.DataFrame,
) -> None:
    """Write the model, and heat maps of the views in the report.

    Several members are saved as one ensemble that predicts their mean.
    """
    folder, options, lake = context.folder, context.options, context.lake
    with context.timings.measure("save"):
        model: Any = build_model(members, options.tta_of(model_name))  # keras has no stubs
        with convert_write_errors(folder / MODEL_FILE):
            model.save(folder / MODEL_FILE)

        # late, as it imports TensorFlow
        from trainer.inference.litert_file import NUM_COMPARED, write_litert

        # predicted again, because validation views may have predictions of an earlier head
        names = final_rows(scored)["view_id"].head(NUM_COMPARED)
        expected = predict(members, lake.manifest.filter(pl.col("view_id").is_in(names)))
        write_litert(folder, model, members[0].convert_backbone(), lake, expected)
    # remove heat maps of an interrupted process, which may have had other image options
    shutil.rmtree(folder / HEAT_MAPS, ignore_errors=True)
    if options.images == "on":
        # late, as it imports TensorFlow
        from trainer.explain.report_images import write_report_images

        rule = parse_threshold(options.threshold)
        decision = decide(scored, selected_model(scored), rule, options.seed)
        with context.timings.measure("explain"):
            write_report_images(folder, model, lake, scored, decision)


def save_reference(trained: TrainedModel, context: RunContext[FitOptions], plan: FitPlan) -> None:
    """Write a sample of the train views of a plan, which new views are compared with.

    `model.tflite` must be in the run folder already.
    """
    # an interrupted process may have written the file of another model
    (context.folder / REFERENCE_FILE).unlink(missing_ok=True)
    seed = context.options.seed
    with context.timings.measure("save"):
        if trained.embed:
            features, groups = trained.embed(plan.fitted), plan.fitted["group"].to_numpy()
            reference = fit_reference(features, groups, seed)
        else:
            reference = fit_trained_reference(context.folder, context.lake, plan, seed)
        if reference:
            borders = read_borders(context.lake, plan.fitted, seed)
            write_reference(context.folder, replace(reference, borders=borders))


def save_results(
    folder: Path, config: Mapping[str, Any], history: pl.DataFrame, scored: pl.DataFrame
) -> None:
    """Write the tables and report of a run, and the digests of its files last.

    `config` comes from `describe_run`; `history` has one row per epoch, with `model` and `fold`.
    """
    write_tables(folder, config, history, scored)
    write_report(folder)
    write_digests(folder)


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
