"""Train one model, then score it on the official valid split."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from trainer.commands.save import FitResults, add_fit_columns, predict_set, save_run
from trainer.data.split import FitPlan
from trainer.inference.trained_model import TrainedModel
from trainer.options import TrainOptions
from trainer.runs.context import RunContext
from trainer.runs.setup import RunSetup
from trainer.training.recipe import Fit, make_fit


def train(setup: RunSetup[TrainOptions]) -> None:
    """Train and score a model, and write results and report into the run folder.

    Raises:
        TrainingError: the loss is not finite.
    """
    context, plan, _ = setup
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
    members: list[TrainedModel],
    fit: Fit,
    context: RunContext[TrainOptions],
    plan: FitPlan,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Score trained models together, and write all results and the report.

    Args:
        members: models fitted to the plan's train views, to be saved as one.
        fit: of a head, which is fitted again, to train and validation views, saved, and tested.
        facts: more entries of `config.json`: a hyperparameter search, or the seeds of the members.
    """
    options = context.options
    name, final = options.candidate.name, members
    if options.trained_part(options.model) == "head":
        with context.timings.measure("train"):
            final = fit(plan.without_validation(), [options.candidate], name)
    with context.timings.measure("evaluate"):
        # validation views by the members, which were not fitted to them
        sets = (members, plan.validation, "validation"), (final, plan.test, "test")
        predictions = pl.concat(predict_set(by, views, name, role) for by, views, role in sets)
    history = pl.concat(
        add_fit_columns(member.history, name, number if len(members) > 1 else None)
        for number, member in enumerate(members)
    )
    results = FitResults("train", final, options.model, history, predictions, facts or {})
    save_run(results, context, plan, plan)
