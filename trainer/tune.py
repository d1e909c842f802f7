"""Tune: what of a model is trained: all of it on images, or a head on kept embeddings."""

import hashlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import polars as pl

from shared.console import note
from shared.lake import Lake
from trainer.devices import start
from trainer.embeddings import Matrix, embed
from trainer.epochs import make_history
from trainer.fit import Fitted, Recipe, fit, infer
from trainer.linear import Linear, Vector, fit_linear, sigmoid
from trainer.models import MODELS
from trainer.models.head import classify
from trainer.options import FitOptions
from trainer.provenance import Phases
from trainer.split import FitPlan
from trainer.target import make_target
from trainer.waiting import Waiting

Fit = Callable[[FitPlan, str], Fitted]
"""Fits one model to a plan; the second argument is what progress is called."""


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
        phases: gets the seconds of `embed`.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        WeightsError: the file of pretrained weights is damaged.
    """
    if not options.tunes_head(model_name):
        entry = MODELS[model_name]
        num_outputs = make_target(options.target, lake.manifest).num_outputs

        def build() -> keras.Model:
            return classify(entry.build_trunk(lake.image.size), num_outputs, entry.dropout)

        return partial(fit, lake, Recipe(build, entry.learning_rate), options, folder)
    waiting = Waiting()
    with phases.measure("embed"):
        views = pl.concat(vars(plan).values())
        head_fit = _HeadFit(lake, model_name, options, views, waiting)
    phases.waiting_s["embed"] = waiting.seconds
    return head_fit.fit


class _HeadFit:
    """Fits heads on what a frozen backbone makes of the views."""

    def __init__(
        self,
        lake: Lake,
        model_name: str,
        options: FitOptions,
        views: pl.DataFrame,
        waiting: Waiting,
    ):
        start(options)
        self._backbone = MODELS[model_name].build_trunk(lake.image.size)
        self._options = options
        self._rows = views.select("view_id").with_row_index("row")
        self._embeddings = embed(
            views,
            f"{lake.digest} {_digest(self._backbone)} {version('tensorflow')}",
            lambda missing: infer(self._backbone, lake, missing, "embed", waiting),
        )

    def fit(self, plan: FitPlan, title: str) -> Fitted:
        """Fit a head; see `trainer.fit.fit`."""
        linear, rows = fit_linear(
            self._examples(plan.train), self._examples(plan.validation), self._options
        )
        history = make_history(rows)
        best = history.row(by_predicate=pl.col("is_best"), named=True)
        note(
            f"{title}: best of {len(rows)} epochs is {best['epoch']}, "
            f"validation loss {best['val_loss']:.4f}, validation AUROC {best['val_auroc']:.3f}"
        )
        return Fitted(history, partial(self._predict, linear), partial(self._build, linear))

    def _examples(self, views: pl.DataFrame) -> tuple[Matrix, Vector]:
        labels = views["label"].to_numpy().astype(np.float32)
        return self._of(views), labels

    def _of(self, views: pl.DataFrame) -> Matrix:
        rows = views.join(self._rows, on="view_id", maintain_order="left")["row"]
        return self._embeddings[rows.to_numpy()]

    def _predict(self, linear: Linear, views: pl.DataFrame) -> pl.DataFrame:
        probabilities = sigmoid(linear.logits(self._of(views))).astype(np.float64)
        return views.select("view_id").with_columns(probability=pl.Series(probabilities))

    def _build(self, linear: Linear) -> keras.Model:
        model = classify(self._backbone)
        model.get_layer("logits").set_weights(
            [linear.weights[:, None], np.array([linear.bias], np.float32)]
        )
        return model


def _digest(model: keras.Model) -> str:
    """Return the digest of a model: its layers and its weights."""
    hashed = hashlib.sha256(model.to_json().encode())
    for weights in model.get_weights():
        hashed.update(weights.tobytes())
    return hashed.hexdigest()
