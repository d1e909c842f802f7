"""Cross-validation: compare candidates on the same folds, then refit and test the best one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from shared.console import say
from shared.lake.open import Lake
from trainer.cluster.engine import open_remote_fits
from trainer.cluster.messages import FitRequest
from trainer.cluster.remote_fits import RemoteFits
from trainer.commands.train import (
    add_fit_columns,
    predict_set,
    save_model,
    save_reference,
    save_results,
)
from trainer.data.split import FitPlan
from trainer.evaluation.comparing.comparison import by_model, measure_folds
from trainer.evaluation.metrics import choose, measure
from trainer.evaluation.scored_table import score
from trainer.inference.trained_model import TrainedModel, predict
from trainer.models.candidates import Candidate
from trainer.options import CvOptions
from trainer.report.terminal import show_comparison
from trainer.runs.context import RunContext
from trainer.runs.provenance import describe_run
from trainer.runs.saved.training_views import write_training_views
from trainer.training.recipe import Fit, make_fit


@dataclass(frozen=True)
class _CandidateResults:
    """The results of one candidate on all folds.

    Attributes:
        history: one row per epoch, with `model` and `fold`.
        predictions: out-of-fold, with `model`, `fold` and `role`.
        members: fold models of an ensemble; empty without one.
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
    with open_remote_fits(context, final_plan) as remote:
        remote.embed()
        fits = {name: make_fit(context, name, final_plan) for name in options.model_names}
        with timings.measure("cross-validate"):
            extra_views = [final_plan.test] if is_ensemble else []
            results = _fit_candidates(options, folds, extra_views, remote, fits)
        best = _choose(results, lake)
        plan = final_plan
        if is_ensemble or _is_head(options, best.model):
            # members of an ensemble were fitted on validation views; a head needs none
            plan = plan.without_validation()
        histories = [result.history for result in results.values()]
        if is_ensemble:
            members = results[best].members
        else:
            with timings.measure("train"):
                members = _refit(best, plan, remote, fits)
            histories.append(add_fit_columns(members[0].history, best.name, None))
    with timings.measure("evaluate"):
        final = [
            predict_set(members, plan.validation, best.name, "validation"),
            predict_set(members, plan.test, best.name, "test"),
        ]
    predictions = pl.concat([*(result.predictions for result in results.values()), *final])
    scored = score(predictions, lake.manifest)
    save_model(members, context, best.model, scored)
    # the features of an ensemble of whole networks are those of the first fold model
    by_first = is_ensemble and members[0].embed is None
    save_reference(members[0], context, folds[0] if by_first else plan)
    config = describe_run("cv", context, plan)
    write_training_views(context.folder, plan)
    save_results(context.folder, config, pl.concat(histories), scored)


def _fit_candidates(
    options: CvOptions,
    plans: Sequence[FitPlan],
    extra_views: Sequence[pl.DataFrame],
    remote: RemoteFits,
    fits: Mapping[str, Fit],
) -> dict[Candidate, _CandidateResults]:
    requests = [
        FitRequest(name, plan, _name_fold(name, fold, len(plans)), [plan.test, *extra_views])
        for name in fits
        for fold, plan in enumerate(plans)
    ]
    results: dict[Candidate, _CandidateResults] = {}
    for name, fit in remote.fit(fits, requests).items():
        of_model = [p.without_validation() for p in plans] if _is_head(options, name) else plans
        candidates = options.list_candidates(name)
        results |= _fit_folds(of_model, fit, candidates, name, bool(extra_views))
    return results


def _refit(
    best: Candidate, plan: FitPlan, remote: RemoteFits, fits: Mapping[str, Fit]
) -> list[TrainedModel]:
    request = FitRequest(best.model, plan, best.name, [plan.validation, plan.test])
    return remote.fit(fits, [request])[best.model](plan, [best], best.name)


def _fit_folds(
    plans: Sequence[FitPlan],
    fit: Fit,
    candidates: Sequence[Candidate],
    model_name: str,
    keeps_members: bool,
) -> dict[Candidate, _CandidateResults]:
    histories: dict[Candidate, list[pl.DataFrame]] = {candidate: [] for candidate in candidates}
    predictions: dict[Candidate, list[pl.DataFrame]] = {candidate: [] for candidate in candidates}
    members: dict[Candidate, list[TrainedModel]] = {candidate: [] for candidate in candidates}
    for fold, plan in enumerate(plans):
        title = _name_fold(model_name, fold, len(plans))
        for candidate, trained in zip(candidates, fit(plan, candidates, title), strict=True):
            histories[candidate].append(add_fit_columns(trained.history, candidate.name, fold))
            fold_predictions = predict([trained], plan.test)
            predictions[candidate].append(
                add_fit_columns(fold_predictions, candidate.name, fold, role="out_of_fold")
            )
            if keeps_members:
                members[candidate].append(trained)
    return {
        candidate: _CandidateResults(
            pl.concat(histories[candidate]), pl.concat(predictions[candidate]), members[candidate]
        )
        for candidate in candidates
    }


def _name_fold(model_name: str, fold: int, num_folds: int) -> str:
    return f"{model_name}, fold {fold + 1} of {num_folds}"


def _choose(results: Mapping[Candidate, _CandidateResults], lake: Lake) -> Candidate:
    predictions = pl.concat(result.predictions for result in results.values())
    rows = by_model(score(predictions, lake.manifest))
    pooled = {name: {"all": measure(model_rows)} for name, model_rows in rows.items()}
    show_comparison(pooled, {name: measure_folds(model_rows) for name, model_rows in rows.items()})
    best_name = choose(pooled)
    if len(results) > 1:
        say(f"best of {len(results)} candidates, by pooled view AUROC: {best_name}")
    return next(candidate for candidate in results if candidate.name == best_name)


def _is_head(options: CvOptions, model_name: str) -> bool:
    """Return whether only a head is trained, which is fitted to all train views of a fold."""
    return options.trained_part(model_name) == "head"
