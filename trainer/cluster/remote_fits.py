"""Fits that a cluster does ahead of the loop that needs them: requests and results."""

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
    """A fit of a model that will be wanted.

    Attributes:
        model: a key of `trainer.models.MODELS`.
        plan: what to fit to.
        title: what the fit is called; no other of the run has the same.
        asked: views that the fitted model will be asked about.
    """

    model: str
    plan: FitPlan
    title: str
    asked: Sequence[pl.DataFrame]


class RemoteFits(Protocol):
    """Does what takes long, so that all that follows finds it done."""

    def embed(self) -> None:
        """Embed the views by the models whose heads are fitted to that."""
        ...

    def fit(self, fits: Mapping[str, Fit], wanted: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Fit those of the wanted models that are fitted on images.

        Args:
            fits: how each model is fitted, by its name.
            wanted: the fits.

        Returns:
            The same, but what was wanted is there already.
        """
        ...


@dataclass(frozen=True)
class CompletedFit:
    """A fit that is over.

    Attributes:
        wanted: the fit.
        rows: of its epochs, as `trainer.runs.history.HISTORY_SCHEMA` names them.
        answers: to the views that it was asked about.
    """

    wanted: FitRequest
    rows: list[dict[str, object]]
    answers: Sequence[Outputs]


def recall(fit: Fit, done: Mapping[str, CompletedFit]) -> Fit:
    """Return how a model is fitted where some fits are over.

    A model is built only if it is asked about other views, or to be kept.

    Args:
        fit: how it is fitted otherwise; it finds that those fits are over.
        done: by title.
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
