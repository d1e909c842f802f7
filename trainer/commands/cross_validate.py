"""Cross-validation: compare candidates on the same folds, then refit and test the best one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from shared.console import say
from shared.lake.open import Lake
from trainer.cluster.engine import open_remote_fits
from trainer.cluster.messages import FitRequest
from trainer.cluster.remote_fits import RemoteFits
from trainer.commands.save import FitResults, add_fit_columns, predict_set, save_run
from trainer.data.split import FitPlan
from trainer.evaluation.comparing.comparison import by_model, measure_folds
from trainer.evaluation.metrics import choose, measure
from trainer.evaluation.scored_table import score
from trainer.inference.trained_model import TrainedModel, predict
from trainer.models.candidates import Candidate
from trainer.options import CvOptions
from trainer.report.terminal import show_comparison
from trainer.runs.setup import RunSetup
from trainer.training.recipe import Fit, make_fit


@dataclass(frozen=True)
class _CandidateResults:
    """The results of one candidate, one item per fold; `members` only for an ensemble."""

    histories: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    predictions: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    members: list[TrainedModel] = field(default_factory=list[TrainedModel])


def cross_validate(setup: RunSetup[CvOptions]) -> None:
    """Compare candidates, save the best, score it once, and write results and report.

    The best candidate is refitted on the whole train split. With `ensemble=folds` its fold models
    are saved instead, as an ensemble that predicts their mean probability.
    """
    context, final_plan, folds = setup
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
        histories = [table for result in results.values() for table in result.histories]
        if is_ensemble:
            members = results[best].members
        else:
            with timings.measure("train"):
                request = FitRequest(best.model, plan, best.name, [plan.validation, plan.test])
                refit = remote.fit(fits, [request])[best.model]
                members = refit(plan, [best], best.name)
            histories.append(add_fit_columns(members[0].history, best.name, None))
    with timings.measure("evaluate"):
        final = [
            predict_set(members, plan.validation, best.name, "validation"),
            predict_set(members, plan.test, best.name, "test"),
        ]
    # the features of an ensemble of whole networks are those of the first fold model
    compared = folds[0] if is_ensemble and members[0].embed is None else plan
    predictions = pl.concat([_collect_predictions(results), *final])
    saved = FitResults("cv", members, best.model, pl.concat(histories), predictions, {})
    save_run(saved, context, plan, compared)


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


def _fit_folds(
    plans: Sequence[FitPlan],
    fit: Fit,
    candidates: Sequence[Candidate],
    model_name: str,
    keeps_members: bool,
) -> dict[Candidate, _CandidateResults]:
    results = {candidate: _CandidateResults() for candidate in candidates}
    for fold, plan in enumerate(plans):
        title = _name_fold(model_name, fold, len(plans))
        for candidate, trained in zip(candidates, fit(plan, candidates, title), strict=True):
            own, name = results[candidate], candidate.name
            own.histories.append(add_fit_columns(trained.history, name, fold))
            predictions = predict([trained], plan.test)
            own.predictions.append(add_fit_columns(predictions, name, fold, role="out_of_fold"))
            # a model takes memory until the end of the run
            if keeps_members:
                own.members.append(trained)
    return results


def _name_fold(model_name: str, fold: int, num_folds: int) -> str:
    return f"{model_name}, fold {fold + 1} of {num_folds}"


def _choose(results: Mapping[Candidate, _CandidateResults], lake: Lake) -> Candidate:
    rows = by_model(score(_collect_predictions(results), lake.manifest))
    pooled = {name: measure(model_rows) for name, model_rows in rows.items()}
    show_comparison(pooled, {name: measure_folds(model_rows) for name, model_rows in rows.items()})
    best_name = choose(pooled)
    if len(results) > 1:
        say(f"best of {len(results)} candidates, by pooled view AUROC: {best_name}")
    return next(candidate for candidate in results if candidate.name == best_name)


def _collect_predictions(results: Mapping[Candidate, _CandidateResults]) -> pl.DataFrame:
    return pl.concat(table for result in results.values() for table in result.predictions)


def _is_head(options: CvOptions, model_name: str) -> bool:
    # a head is fitted to all train views of a fold, without validation
    return options.trained_part(model_name) == "head"
