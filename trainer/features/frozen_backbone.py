"""Fit heads on the embeddings of a model's frozen backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from shared.console import note
from trainer.data.split import FitPlan
from trainer.data.target import class_weights, make_target
from trainer.features.embedder import Embedder, list_kinds
from trainer.features.embeddings import Matrix
from trainer.features.head_training import TrainedHead, fit_heads
from trainer.features.heads import Examples, Head, to_probabilities
from trainer.inference.trained_model import Outputs, TrainedModel
from trainer.models.candidates import Candidate
from trainer.options import FitOptions
from trainer.runs.context import RunContext
from trainer.runs.history import make_history

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none


class FrozenFit:
    """Fits heads on embeddings; the constructor computes those that are not cached.

    `views` are all views of the run, for fitting or for prediction.
    """

    def __init__(self, context: RunContext[FitOptions], model_name: str, views: pl.DataFrame):
        self._options = context.options
        self._embedder = Embedder(context, model_name, views)
        self._target = make_target(context.options.task, context.lake.manifest)
        self._rows = views.select("view_id").with_row_index("row")
        self._embeddings = [
            self._embedder.embed(views, kind) for kind in list_kinds(model_name, self._options)
        ]

    def fit(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> list[TrainedModel]:
        """Fit heads, see `fit_heads`; with a title, also print the best one."""
        return [
            self._to_trained_model(trained.head, trained.rows)
            for trained in self._fit(plan, candidates, title)
        ]

    def fit_best(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> TrainedHead:
        """Fit heads and return the one with the lowest validation loss."""
        return min(self._fit(plan, candidates, title), key=lambda trained: trained.best["val_loss"])

    def _fit(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> list[TrainedHead]:
        train, validation = self._examples(plan.train), self._examples(plan.validation)
        num_outputs = self._target.num_outputs
        heads = fit_heads(train, validation, candidates, num_outputs, self._options)
        if title:
            _note_best(title, heads, candidates)
        return heads

    def _to_trained_model(self, head: Head, rows: list[dict[str, Any]]) -> TrainedModel:
        def predict(views: pl.DataFrame) -> Outputs:
            outputs = [to_probabilities(head.logits(e)) for e in self._embeddings_of(views)]
            return np.mean(outputs, axis=0, dtype=np.float64)

        def build() -> keras.Model:
            from trainer.features.keras_head import build_head

            return build_head(head)

        return TrainedModel(make_history(rows), predict, build, lambda: self._embedder.backbone)

    def _examples(self, views: pl.DataFrame) -> Examples:
        weights = class_weights(views, self._options.class_weight)
        return Examples(self._embeddings_of(views)[0], self._target.numbers(views), weights)

    def _embeddings_of(self, views: pl.DataFrame) -> list[Matrix]:
        rows = views.join(self._rows, on="view_id", maintain_order="left")["row"].to_numpy()
        return [embeddings[rows] for embeddings in self._embeddings]


def _note_best(title: str, heads: Sequence[TrainedHead], candidates: Sequence[Candidate]) -> None:
    losses = [trained.best["val_loss"] for trained in heads]
    index = int(np.argmin(losses))
    best, num_epochs = heads[index].best, len(heads[index].rows)
    auroc = "" if best["val_auroc"] is None else f", validation AUROC {best['val_auroc']:.3f}"
    head = f"best of {len(heads)} heads {candidates[index].name}, " if len(heads) > 1 else ""
    note(
        f"{title}: {head}best epoch {best['epoch']} of {num_epochs}, "
        f"validation loss {losses[index]:.4f}{auroc}"
    )
