"""Cross-validation: compare candidates on the same folds, then refit and test the best one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from shared.console import say
from shared.lake.open import Lake
from trainer.cluster.engine import open_remote_fits
from trainer.cluster.remote_fits import FitRequest, RemoteFits
from trainer.commands.train import label_set, predict_sets, save_model, save_results
from trainer.data.split import FitPlan
from trainer.evaluation.comparison import by_model, measure_folds
from trainer.evaluation.metrics import choose, measure
from trainer.evaluation.scored_table import score
from trainer.inference.trained_model import TrainedModel, predict
from trainer.models.candidates import Candidate
from trainer.options import CvOptions
from trainer.report.formatting import count
from trainer.report.terminal import show_comparison
from trainer.runs.context import RunContext
from trainer.runs.provenance import describe_run
from trainer.training.recipe import Fit, make_fit


@dataclass(frozen=True)
class _Tried:
    """The results of one candidate on all folds.

    Attributes:
        history: one row per epoch, with `model` and `fold`.
        predictions: out-of-fold, with `model`, `fold` and `role`.
        members: the fold models; empty unless an ensemble is built from them.
    """

    history: pl.DataFrame
    predictions: pl.DataFrame
    members: list[TrainedModel]


def cross_validate(
    context: RunContext[CvOptions], folds: Sequence[FitPlan], final_plan: FitPlan
) -> None:
    """Compare candidates, save the best, score it once, and write results and report.

    The best candidate is refitted on the whole train split. With `ensemble=folds` its fold models
    are saved instead, as an ensemble that predicts their mean probability.

    Raises:
        ClusterError: the cluster cannot be used.
        CorruptLakeError: the record of a view is damaged.
        TrainingError: a loss is not finite.
    """
    options, lake, timings = context.options, context.lake, context.timings
    is_ensemble = options.ensemble == "folds"
    # the final plan covers all views of the run
    with open_remote_fits(context, pl.concat(vars(final_plan).values())) as remote:
        remote.embed()
        fits = {name: make_fit(context, name, final_plan) for name in options.model_names}
        with timings.measure("cross-validate"):
            more = [final_plan.test] if is_ensemble else []
            tried = _try_all(options, folds, more, remote, fits)
        chosen = _choose(tried, lake)
        histories = [one.history for one in tried.values()]
        if is_ensemble:
            members, plan = tried[chosen].members, _without_validation(final_plan)
        else:
            with timings.measure("train"):
                members, plan = _refit(chosen, final_plan, remote, fits), final_plan
            histories.append(label_set(members[0].history, chosen.name, None))
    with timings.measure("evaluate"):
        final = predict_sets(members, plan, chosen.name)
    predictions = pl.concat([*(one.predictions for one in tried.values()), final])
    scored = score(predictions, lake.manifest)
    save_model(members, context, scored)
    config = describe_run("cv", context, plan)
    save_results(context.folder, config, pl.concat(histories), scored)


def _try_all(
    options: CvOptions,
    plans: Sequence[FitPlan],
    more: Sequence[pl.DataFrame],
    remote: RemoteFits,
    fits: Mapping[str, Fit],
) -> dict[Candidate, _Tried]:
    """Fit all candidates on all folds; fold models also predict the views in `more`."""
    wanted = [
        FitRequest(name, plan, _name_fold(name, fold, len(plans)), [plan.test, *more])
        for name in fits
        for fold, plan in enumerate(plans)
    ]
    tried: dict[Candidate, _Tried] = {}
    for name, fit in remote.fit(fits, wanted).items():
        tried |= _try(plans, fit, options.list_candidates(name), name, bool(more))
    return tried


def _refit(
    chosen: Candidate, plan: FitPlan, remote: RemoteFits, fits: Mapping[str, Fit]
) -> list[TrainedModel]:
    """Fit the chosen candidate on the whole train split."""
    wanted = FitRequest(chosen.model, plan, chosen.name, [plan.validation, plan.test])
    return remote.fit(fits, [wanted])[chosen.model](plan, [chosen], chosen.name)


def _try(
    plans: Sequence[FitPlan],
    fit: Fit,
    candidates: Sequence[Candidate],
    model_name: str,
    keeps_folds: bool,
) -> dict[Candidate, _Tried]:
    """Fit the candidates of one model on all folds."""
    histories: dict[Candidate, list[pl.DataFrame]] = {candidate: [] for candidate in candidates}
    predictions: dict[Candidate, list[pl.DataFrame]] = {candidate: [] for candidate in candidates}
    members: dict[Candidate, list[TrainedModel]] = {candidate: [] for candidate in candidates}
    for fold, plan in enumerate(plans):
        title = _name_fold(model_name, fold, len(plans))
        for candidate, fitted in zip(candidates, fit(plan, candidates, title), strict=True):
            histories[candidate].append(label_set(fitted.history, candidate.name, fold))
            answers = predict([fitted], plan.test)
            predictions[candidate].append(
                label_set(answers, candidate.name, fold, role="out_of_fold")
            )
            if keeps_folds:
                members[candidate].append(fitted)
    return {
        candidate: _Tried(
            pl.concat(histories[candidate]), pl.concat(predictions[candidate]), members[candidate]
        )
        for candidate in candidates
    }


def _name_fold(model_name: str, fold: int, num_folds: int) -> str:
    return f"{model_name}, fold {fold + 1} of {num_folds}"


def _choose(tried: Mapping[Candidate, _Tried], lake: Lake) -> Candidate:
    """Report the out-of-fold metrics of each candidate and return the best one."""
    predictions = pl.concat(one.predictions for one in tried.values())
    rows = by_model(score(predictions, lake.manifest))
    pooled = {name: {"all": measure(own)} for name, own in rows.items()}
    show_comparison(pooled, {name: measure_folds(own) for name, own in rows.items()})
    best = choose(pooled)
    say(f"chosen of {count(len(tried), 'candidates')}, by pooled view AUROC: {best}")
    return next(candidate for candidate in tried if candidate.name == best)


def _without_validation(plan: FitPlan) -> FitPlan:
    """Move validation views into train: most members of a fold ensemble were fitted on them."""
    return replace(
        plan,
        train=pl.concat([plan.train, plan.validation]),
        validation=plan.validation.clear(),
    )
