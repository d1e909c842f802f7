"""Fits that a cluster runs in advance, and the reuse of their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from trainer.cluster.messages import FitRequest
from trainer.data.split import FitPlan
from trainer.inference.trained_model import Outputs, TrainedModel
from trainer.models.candidates import Candidate
from trainer.runs.history import make_history
from trainer.training.recipe import Fit


class RemoteFits:
    """Fits in advance, so that later steps find their results.

    Here there are none: this process computes each fit on demand.
    """

    def embed(self) -> None:
        """Compute the embeddings of all views, for models with a frozen backbone."""

    def fit(self, fits: Mapping[str, Fit], requests: Sequence[FitRequest]) -> Mapping[str, Fit]:
        """Run fits in advance; return the fit functions, which return the results of these."""
        return fits


@dataclass(frozen=True)
class CompletedFit:
    """A finished fit."""

    request: FitRequest
    rows: list[dict[str, object]]
    outputs: Sequence[Outputs]


def reuse_fits(fit: Fit, completed: Mapping[str, CompletedFit]) -> Fit:
    """Return a fit function that reuses completed fits, given by title."""

    def fit_or_reuse(
        plan: FitPlan, candidates: Sequence[Candidate], title: str
    ) -> list[TrainedModel]:
        if title not in completed:
            return fit(plan, candidates, title)
        result = completed[title]
        predicted = list(zip(result.request.views_to_predict, result.outputs, strict=True))
        # A model is loaded only to predict views that the request did not list, or to be saved;
        # `fit` then reads it from the checkpoint.
        load = cache(lambda: fit(plan, candidates, title)[0])

        def predict(views: pl.DataFrame) -> Outputs:
            ids = views["view_id"]
            found = (outputs for known, outputs in predicted if known["view_id"].equals(ids))
            outputs = next(found, None)
            return load().predict(views) if outputs is None else outputs

        return [TrainedModel(make_history(result.rows), predict, lambda: load().build())]

    return fit_or_reuse
