"""Fit heads on the embeddings of a model's frozen backbone."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from shared.console import note
from shared.counts import count
from trainer.data.split import FitPlan
from trainer.data.target import class_weights, make_target
from trainer.features.head_training import fit_heads
from trainer.features.heads import Examples, Head, Matrix, cross_entropies, to_probabilities
from trainer.features.keras_head import build_head
from trainer.features.model_embedder import ModelEmbedder
from trainer.features.variants import MIRRORED, PLAIN, Variant, list_rows
from trainer.inference.trained_model import Outputs, TrainedModel
from trainer.models.candidates import Candidate
from trainer.options import FitOptions
from trainer.runs.context import RunContext
from trainer.runs.history import make_history


def list_embedded(
    model_name: str, options: FitOptions, plan: FitPlan
) -> Mapping[Variant, pl.DataFrame]:
    """Return the variants of views that heads need, and the views to embed of each."""
    rows = list_rows(options.copies_of(model_name), options.seed)
    every: pl.DataFrame = pl.concat(vars(plan).values())
    fitted = dict.fromkeys(rows, plan.fitted)
    return fitted | dict.fromkeys(_list_predicted(model_name, options), every)


class FrozenFit:
    """Fits heads on the embeddings of all views of a run; the constructor computes missing ones."""

    def __init__(self, context: RunContext[FitOptions], model_name: str, plan: FitPlan):
        self._options = context.options
        self._embedder = ModelEmbedder(context, model_name, plan.fitted)
        self._target = make_target(context.options.task, context.lake.manifest)
        self._predicted = _list_predicted(model_name, self._options)
        self._rows = list_rows(self._options.copies_of(model_name), self._options.seed)
        self._embedded = {
            variant: _Table(views, self._embedder.embed(views, variant))
            for variant, views in list_embedded(model_name, self._options, plan).items()
        }

    def fit(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> list[TrainedModel]:
        """Fit heads to the train views of a plan, as `trainer.training.recipe.Fit`."""
        note(f"fit: {title} on {count(plan.train.height, 'views')}")
        return [self._to_trained_model(head) for head in self._fit(plan, candidates)]

    def fit_best(self, plan: FitPlan, candidates: Sequence[Candidate]) -> Head:
        """Fit heads and return the one with the lowest validation loss."""
        heads = self._fit(plan, candidates)
        if len(heads) == 1:
            return heads[0]
        validation = self._examples(plan.validation, PLAIN)
        return min(heads, key=lambda head: _loss(head, validation))

    def _fit(self, plan: FitPlan, candidates: Sequence[Candidate]) -> list[Head]:
        rows = [self._examples(plan.train, variant) for variant in self._rows]
        decays = [candidate.weight_decay or 0.0 for candidate in candidates]
        return fit_heads(rows, decays, self._target.num_outputs)

    def _to_trained_model(self, head: Head) -> TrainedModel:
        def predict(views: pl.DataFrame) -> Outputs:
            embeddings = [self._embedded[variant].find(views) for variant in self._predicted]
            outputs = [to_probabilities(head.logits(each)) for each in embeddings]
            return np.mean(outputs, axis=0, dtype=np.float64)

        embedder = self._embedder
        return TrainedModel(
            make_history([]),
            predict,
            lambda: build_head(head),
            lambda: embedder.backbone,
            lambda: embedder.converted,
            self._embedded[PLAIN].find,
        )

    def _examples(self, views: pl.DataFrame, variant: Variant) -> Examples:
        weights = class_weights(views, self._options.class_weight)
        embeddings = self._embedded[variant].find(views)
        return Examples(embeddings, self._target.numbers(views), weights)


class _Table:
    def __init__(self, views: pl.DataFrame, embeddings: Matrix):
        self._rows = views.select("view_id").with_row_index("row")
        self._embeddings = embeddings

    def find(self, views: pl.DataFrame) -> Matrix:
        rows = views.join(self._rows, on="view_id", maintain_order="left")["row"].to_numpy()
        return self._embeddings[rows]


def _list_predicted(model_name: str, options: FitOptions) -> list[Variant]:
    # a staged fit predicts from images
    is_head = options.trained_part(model_name) == "head"
    return [PLAIN, MIRRORED] if is_head and options.tta_of(model_name) == "flip" else [PLAIN]


def _loss(head: Head, examples: Examples) -> float:
    entropies = cross_entropies(head.logits(examples.embeddings), examples.classes)
    return float(np.average(entropies, weights=examples.weights))
