"""Tune: what of a model is trained: all of it on images, or a head on kept embeddings."""

import hashlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import keras
import numpy as np
import polars as pl

from shared.console import note
from shared.lake import Lake
from trainer.embeddings import Matrix, embed
from trainer.epochs import make_history
from trainer.fit import Fitted, fit, infer, start
from trainer.linear import Linear, Vector, fit_linear, sigmoid
from trainer.models import build_trunk
from trainer.models.head import classify
from trainer.options import FitOptions
from trainer.run_folder import Phases
from trainer.split import FitPlan

Fit = Callable[[FitPlan, str], Fitted]
"""Fits one model to a plan; the second argument is what progress is called."""


def make_fit(
    lake: Lake, model_name: str, options: FitOptions, plan: FitPlan, phases: Phases
) -> Fit:
    """Return how a model is fitted as the options say; where its head is, embed the views first.

    Args:
        lake: where the views' pixels are.
        model_name: a key of `trainer.models.MODELS`.
        options: of all fits.
        plan: has every view that any plan will have.
        phases: gets the seconds of `embed`.

    Raises:
        CorruptLakeError: a view's pixels are not those that were written.
        WeightsError: the file of pretrained weights is damaged.
    """
    if not options.tunes_head(model_name):
        return partial(fit, lake, model_name, options)
    with phases.measure("embed"):
        return _HeadFit(lake, model_name, options, pl.concat(vars(plan).values())).fit


class _HeadFit:
    """Fits heads on what a frozen backbone makes of the views."""

    def __init__(self, lake: Lake, model_name: str, options: FitOptions, views: pl.DataFrame):
        start(options.seed)
        self._backbone = build_trunk(model_name, lake.image.size, options.weights)
        self._options = options
        self._rows = views.select("view_id").with_row_index("row")
        self._embeddings = embed(
            views,
            f"{lake.digest} {_digest(self._backbone)} {version('tensorflow')}",
            lambda missing: infer(self._backbone, lake, missing, "embed"),
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
