"""Computation of embeddings by a frozen backbone, and the late start of TensorFlow."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module

import polars as pl

from shared.console import note
from shared.lake.open import Lake
from trainer.data.input_wait import InputWait
from trainer.features.heads import Matrix
from trainer.features.variants import Variant
from trainer.inference.litert import LiteRtModel
from trainer.inference.predictor import infer
from trainer.keras_import import import_keras, keras
from trainer.models.table import build_backbone
from trainer.options import FitOptions
from trainer.runs.context import Timings


def start_tensorflow(timings: Timings) -> None:
    """Import TensorFlow, unless it is imported already."""
    # as late as possible: it takes seconds, and heads do not need it
    if "tensorflow" in sys.modules:
        return
    note("starting TensorFlow")
    with timings.measure("start TensorFlow"):
        import_keras()
        # modules that need TensorFlow, so that the timing covers their import
        import_module("trainer.training.loop")


def build_float32(model_name: str, lake: Lake, options: FitOptions) -> keras.Model:
    """Build a backbone for embeddings, as `trainer.models.table.build_backbone` does."""
    import_keras()

    from trainer.inference.devices import reset_tensorflow

    # precision= is for training
    reset_tensorflow(replace(options, precision="float32"))
    return build_backbone(model_name, lake.image.size, options.initial_weights, options.input_px)


def compute_embeddings(
    backbone: keras.Model | bytes,
    lake: Lake,
    views: pl.DataFrame,
    variant: Variant,
    waiting: InputWait,
) -> Matrix:
    """Return the embeddings of a variant of views, float32 (views, n).

    `backbone` takes uint8 images (batch, size, size, 1); bytes are in TensorFlow Lite's format.
    """
    stage = f"embed {variant.label}".rstrip()
    with variant.open(lake, views) as reader:
        if isinstance(backbone, bytes):
            return infer(LiteRtModel(backbone), reader, stage, waiting)

        from trainer.inference import keras_inference

        return keras_inference.infer(backbone, reader, stage, waiting)
