"""Training recipes: a head on cached embeddings, the whole model on images, or both in stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from trainer.data.split import FitPlan
from trainer.data.target import make_target
from trainer.features.compute_embeddings import start_tensorflow
from trainer.features.frozen_backbone import FrozenFit
from trainer.features.heads import Head
from trainer.features.keras_head import build_head
from trainer.inference.trained_model import TrainedModel
from trainer.keras_import import keras
from trainer.models.candidates import Candidate
from trainer.models.classifier_head import add_classifier
from trainer.models.ensemble import build_ensemble
from trainer.models.networks.backbone import configure_batch_norm
from trainer.models.table import build_backbone
from trainer.options import FitOptions
from trainer.runs.context import RunContext

Fit = Callable[[FitPlan, Sequence[Candidate], str], list[TrainedModel]]
"""Fits candidates of one model to a plan. The last argument is the unique title of the fit."""
FitHead = Callable[[FitPlan, Sequence[Candidate]], Head]

# fraction of the usual learning rate, for training the whole model from a trained head: larger
# steps would spoil the pretrained backbone
_STAGED_RATE_FACTOR = 0.1


def make_fit(context: RunContext[FitOptions], model_name: str, plan: FitPlan) -> Fit:
    """Return the fit function for a model and its options; for heads, embed the views first.

    The plan must contain all views of all later plans.
    """
    part = context.options.trained_part(model_name)
    if part != "head":
        start_tensorflow(context.timings)
    if part == "all":
        return _ImageFit(context, model_name).fit
    heads = FrozenFit(context, model_name, plan)
    return heads.fit if part == "head" else _ImageFit(context, model_name, heads.fit_best).fit


def make_image_fit(context: RunContext[FitOptions], model_name: str, head: Head | None) -> Fit:
    """Return the fit function of a whole model on images, staged if there is a trained head."""
    return _ImageFit(context, model_name, (lambda *_: head) if head else None).fit


class _ImageFit:
    def __init__(
        self, context: RunContext[FitOptions], model_name: str, fit_head: FitHead | None = None
    ):
        self._context, self._options, self._model_name = context, context.options, model_name
        self._fit_head, self._dropout = fit_head, context.options.dropout_of(model_name)

    def fit(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> list[TrainedModel]:
        from trainer.training.loop import Recipe, Trainer

        rate = self._options.learning_rate_of(self._model_name)
        build = self._build
        if self._fit_head:
            head = self._fit_head(plan, self._options.list_heads(self._model_name))
            rate *= _STAGED_RATE_FACTOR
            build = partial(self._build_on_head, head)
        tta, is_staged = self._options.tta_of(self._model_name), self._fit_head is not None
        return [Trainer(self._context).fit(Recipe(build, rate, tta, is_staged), plan, title)]

    def _build(self) -> keras.Model:
        target = make_target(self._options.task, self._context.lake.manifest)
        return add_classifier(self._build_backbone(), target.num_outputs, self._dropout)

    def _build_on_head(self, head: Head) -> keras.Model:
        return build_ensemble([build_head(head, self._dropout)], self._build_backbone())

    def _build_backbone(self) -> keras.Model:
        options, size_px = self._options, self._context.lake.image.size
        backbone = build_backbone(
            self._model_name, size_px, options.initial_weights, options.input_px
        )
        if options.norm == "trainable":
            configure_batch_norm(backbone, is_frozen=False)
        return backbone
