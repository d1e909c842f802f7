"""Tune: what of a model is trained: a head on kept embeddings, all of it on images, or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from shared.lake.open import Lake
from trainer.data.split import FitPlan
from trainer.data.target import make_target
from trainer.features.frozen_backbone import FrozenFit, start_tensorflow
from trainer.features.head_training import TrainedHead
from trainer.features.heads import Head
from trainer.models.candidates import Candidate
from trainer.models.table import build_backbone
from trainer.options import FitOptions
from trainer.runs.provenance import Phases
from trainer.training.trained_model import TrainedModel

if TYPE_CHECKING:
    import keras

Fit = Callable[[FitPlan, Sequence[Candidate], str], list[TrainedModel]]
"""Fits candidates of one model to a plan; the last argument is what progress is called, empty for
heads of which nothing is to be said."""

_STAGED_SHARE = 0.1
"""Of the learning rate, once its head is good: faster steps would spoil the backbone first."""


def make_fit(
    lake: Lake, model_name: str, options: FitOptions, plan: FitPlan, folder: Path, phases: Phases
) -> Fit:
    """Return how a model is fitted as the options say; where its head is, embed the views first.

    Args:
        lake: where the views' pixels are.
        model_name: a key of `trainer.models.MODELS`.
        options: of all fits.
        plan: has every view that any plan will have.
        folder: of the run.
        phases: gets the seconds of `start TensorFlow` and `embed`.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        WeightsError: the file of pretrained weights is damaged.
    """
    way = options.way(model_name)
    if way != "head":
        start_tensorflow(phases)
    if way == "all":
        return _WholeFit(lake, model_name, options, folder).fit
    views = pl.concat(vars(plan).values())
    if way == "head":
        return FrozenFit(lake, model_name, options, views, phases).fit
    heads = make_heads(lake, model_name, options, views, phases)
    return _StagedFit(lake, model_name, options, folder, heads.fit_best).fit


def name_head(title: str) -> str:
    """Return what the head of a staged fit is called."""
    return f"{title}, head"


def make_heads(
    lake: Lake, model_name: str, options: FitOptions, views: pl.DataFrame, phases: Phases
) -> FrozenFit:
    """Return how heads are fitted from which a staged fit starts; see `make_fit`."""
    # an epoch of a head costs next to nothing: what is asked for is of those on images
    head_options = replace(options, epochs=FitOptions.epochs, patience=FitOptions.patience)
    return FrozenFit(lake, model_name, head_options, views, phases)


def make_image_fit(
    lake: Lake, model_name: str, options: FitOptions, folder: Path, head: TrainedHead | None
) -> Fit:
    """Return how all of a model is fitted, on images; see `make_fit`.

    Args:
        lake: where the views' pixels are.
        model_name: a key of `trainer.models.MODELS`.
        options: of all fits.
        folder: of the run.
        head: from which a staged fit starts, of the plan that it is given.
    """
    if head is None:
        return _WholeFit(lake, model_name, options, folder).fit
    return _StagedFit(lake, model_name, options, folder, lambda *_: head).fit


class _WholeFit:
    """Fits all of a model, on images."""

    def __init__(self, lake: Lake, model_name: str, options: FitOptions, folder: Path):
        self._lake, self._options, self._folder = lake, options, folder
        self._model_name, self._dropout = model_name, options.last_dropout(model_name)

    def fit(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> list[TrainedModel]:
        """Fit the model, which is the one candidate; see `trainer.training.loop.Trainer`."""
        return [self._fit(self._build, plan, title)]

    def _fit(
        self,
        build: Callable[[], keras.Model],
        plan: FitPlan,
        title: str,
        *,
        is_staged: bool = False,
    ) -> TrainedModel:
        from trainer.training.loop import Recipe, Trainer

        rate = self._options.learning_rate(self._model_name) * (_STAGED_SHARE if is_staged else 1)
        fitter = Trainer(self._lake, self._options, self._folder)
        return fitter.fit(Recipe(build, rate, counts_start=is_staged), plan, title)

    def _build(self) -> keras.Model:
        from trainer.models.classifier_head import add_classifier

        target = make_target(self._options.target, self._lake.manifest)
        return add_classifier(self._build_backbone(), target.num_outputs, self._dropout)

    def _build_backbone(self) -> keras.Model:
        return build_backbone(self._model_name, self._lake.image.size, self._options.weights)


class _StagedFit(_WholeFit):
    """Fits a head on embeddings, then all of the model on images, from there."""

    def __init__(
        self,
        lake: Lake,
        model_name: str,
        options: FitOptions,
        folder: Path,
        fit_best: Callable[[FitPlan, Sequence[Candidate], str], TrainedHead],
    ):
        super().__init__(lake, model_name, options, folder)
        self._fit_best = fit_best

    def fit(self, plan: FitPlan, candidates: Sequence[Candidate], title: str) -> list[TrainedModel]:
        """Fit the model, which is the one candidate, from the head that validates best."""
        heads = self._options.list_heads(self._model_name)
        best = self._fit_best(plan, heads, name_head(title))
        return [self._fit(lambda: self._build_on(best.head), plan, title, is_staged=True)]

    def _build_on(self, head: Head) -> keras.Model:
        from trainer.models.classifier_head import build_head
        from trainer.models.ensemble import build_ensemble

        return build_ensemble([build_head(head, self._dropout)], self._build_backbone())
