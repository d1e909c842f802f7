"""Embeddings by all frozen backbones of a model, side by side."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import polars as pl

from trainer.features.embedder import Embedder
from trainer.features.heads import Matrix
from trainer.features.variants import Variant
from trainer.keras_import import keras
from trainer.models.candidates import list_networks
from trainer.models.networks.backbone import join_backbones
from trainer.options import FitOptions
from trainer.runs.context import RunContext


class ModelEmbedder:
    """Embeds views by the backbones of a model; each backbone has its own cached embeddings."""

    def __init__(self, context: RunContext[FitOptions], model_name: str, views: pl.DataFrame):
        self._embedders = [Embedder(context, name, views) for name in list_networks(model_name)]

    def embed(self, views: pl.DataFrame, variant: Variant) -> Matrix:
        """Return the concatenated embeddings of a variant of views; see `Embedder.embed`."""
        parts = [embedder.embed(views, variant) for embedder in self._embedders]
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    @cached_property
    def backbone(self) -> keras.Model:
        """The backbones as one model, from uint8 images to the concatenated features."""
        return join_backbones([embedder.backbone for embedder in self._embedders])

    @cached_property
    def converted(self) -> bytes:
        """The joined backbones, for `LiteRtModel`; empty if Keras computes embeddings of one."""
        contents = [embedder.converted for embedder in self._embedders]
        if len(contents) == 1:
            return contents[0]
        if not all(contents):
            return b""

        from trainer.inference.litert_heads import join_converted

        return join_converted(contents)
