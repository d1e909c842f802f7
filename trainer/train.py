"""Train: one model, a hold-out for early stopping, one score on the official valid split."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from shared.files import explain_write
from shared.lake import Lake
from trainer.fitted import Fitted, build_model, predict
from trainer.kept import MODEL_FILE
from trainer.metrics import score
from trainer.options import FitOptions, TrainOptions
from trainer.outcome import write_tables
from trainer.provenance import Phases, describe_run
from trainer.report.cases import HEAT_MAPS
from trainer.report.page import write_report
from trainer.run_digests import write_digests
from trainer.run_folder import TENSORBOARD, count_starts
from trainer.split import FitPlan
from trainer.tune import make_fit


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
    candidate = options.candidate
    fit = make_fit(lake, options.model, options, plan, folder, phases)
    with phases.measure("train"):
        (fitted,) = fit(plan, [candidate], candidate.name)
    keep_fitted(fitted, options, lake, plan, folder, phases)


def keep_fitted(
    fitted: Fitted,
    options: TrainOptions,
    lake: Lake,
    plan: FitPlan,
    folder: Path,
    phases: Phases,
    search: Mapping[str, Any] | None = None,
) -> None:
    """Score what `train` fits, and write all results and the report.

    Args:
        fitted: to the plan, as the options say.
        options: model and fit.
        lake: where the views' pixels are.
        plan: the views.
        folder: the run's.
        phases: of the run so far.
        search: what `config.json` says of the search that found the options, if one did.
    """
    name = options.candidate.name
    with phases.measure("evaluate"):
        predictions = predict_sets([fitted], plan, name)
    scored = score(predictions, lake.manifest)
    keep_model([fitted], options, lake, scored, folder, phases)
    history = label_set(fitted.history, name, None)
    config = describe_run("train", options, lake, plan, phases, count_starts(folder))
    keep_results(folder, config | ({"search": search} if search else {}), history, scored)


def keep_model(
    members: list[Fitted],
    options: FitOptions,
    lake: Lake,
    scored: pl.DataFrame,
    folder: Path,
    phases: Phases,
) -> None:
    """Write the model, and the pictures of the views that the report shows.

    Args:
        members: answer by their mean.
        options: of the run.
        lake: where the views' pixels are.
        scored: all predictions of the run.
        folder: the run's.
        phases: of the run so far.
    """
    with phases.measure("save"):
        model = build_model(members, options.flips)
        with explain_write(folder / MODEL_FILE):
            model.save(folder / MODEL_FILE)
    # an earlier process that was killed may have been asked for pictures
    shutil.rmtree(folder / HEAT_MAPS, ignore_errors=True)
    if options.images == "on":
        from trainer.explain.cases import keep_pictures  # late, as it imports TensorFlow

        with phases.measure("explain"):
            keep_pictures(folder, model, lake, scored)


def keep_results(
    folder: Path, config: Mapping[str, Any], history: pl.DataFrame, scored: pl.DataFrame
) -> None:
    """Write a run's tables, logs and report, and last the digests of its files.

    Args:
        folder: the run's.
        config: as from `trainer.provenance.describe_run`.
        history: one row an epoch, with `model` and `fold`.
        scored: all predictions of the run.
    """
    from trainer.tensorboard import log_heads  # late, as it imports TensorFlow

    write_tables(folder, config, history, scored)
    log_heads(folder / TENSORBOARD, history)
    write_report(folder)
    write_digests(folder)


def predict_sets(members: list[Fitted], plan: FitPlan, name: str) -> pl.DataFrame:
    """Predict validation and test views with what is kept.

    Args:
        members: answer by their mean.
        plan: whose `validation` and `test` may be empty.
        name: of the candidate.

    Returns:
        `view_id`, `probability`, `model`, `fold` (null) and `role`.
    """
    sets = {"validation": plan.validation, "test": plan.test}
    return pl.concat(
        label_set(predict(members, views), name, None, role=role) for role, views in sets.items()
    )


def label_set(table: pl.DataFrame, name: str, fold: int | None, **more: str) -> pl.DataFrame:
    """Return the table with the columns that say which fit its rows come from."""
    return table.with_columns(
        model=pl.lit(name),
        fold=pl.lit(fold, pl.Int64),
        **{k: pl.lit(v) for k, v in more.items()},
    )
