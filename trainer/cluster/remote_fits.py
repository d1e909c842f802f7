"""Requests for fits that a cluster runs in advance, and their results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

import polars as pl

from trainer.data.split import FitPlan
from trainer.inference.trained_model import Outputs, TrainedModel
from trainer.models.candidates import Candidate
from trainer.runs.history import make_history
from trainer.training.recipe import Fit


@dataclass(frozen=True)
class FitRequest:
    """A fit that the cross-validation will need.

    Attributes:
        model: a key of `trainer.models.table.MODELS`.
        plan: the train, validation and test views.
        title: of the fit, unique in the run.
        asked: sets of views to predict after the fit.
    """

    model: str
    plan: FitPlan
    title: str
    asked: Sequence[pl.DataFrame]


class RemoteFits(Protocol):
    """Runs the slow steps in advance, so that later steps find their results."""

    def embed(self) -> None:
        """Compute the embeddings of all views, for models with a frozen backbone."""
        ...

    def fit(self, fits: Mapping[str, Fit], wanted: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Run the requested fits that train on images.

        Returns:
            The fit functions, which return the results of completed fits without fitting again.
        """
        ...


@dataclass(frozen=True)
class CompletedFit:
    """A finished fit.

    Attributes:
        wanted: the request.
        rows: one per epoch, columns as in `trainer.runs.history.HISTORY_SCHEMA`.
        answers: predictions for each requested set of views.
    """

    wanted: FitRequest
    rows: list[dict[str, object]]
    answers: Sequence[Outputs]


def recall(fit: Fit, done: Mapping[str, CompletedFit]) -> Fit:
    """Return a fit function that reuses completed fits, given by title.

    A model is loaded only to predict views that the request did not list, or to be saved; `fit`
    then reads it from the checkpoint.
    """

    def fit_or_recall(
        plan: FitPlan, candidates: Sequence[Candidate], title: str
    ) -> list[TrainedModel]:
        if title not in done:
            return fit(plan, candidates, title)
        load = cache(lambda: fit(plan, candidates, title)[0])
        answer = partial(_answer, done[title], lambda views: load().answer(views))
        return [TrainedModel(make_history(done[title].rows), answer, lambda: load().build())]

    return fit_or_recall


def _answer(
    done: CompletedFit, compute: Callable[[pl.DataFrame], Outputs], views: pl.DataFrame
) -> Outputs:
    for asked, answers in zip(done.wanted.asked, done.answers, strict=True):
        if asked["view_id"].equals(views["view_id"]):
            return answers
    return compute(views)
