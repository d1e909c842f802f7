"""Cached embeddings by the frozen backbone of a model, with LiteRT on a CPU and Keras on a GPU."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import polars as pl

from shared.console import note
from shared.errors import TrainingError, WriteError
from shared.lake.reader import ViewReader
from shared.storage.atomic import digest
from shared.storage.sealed import read_sealed, sealed_file
from trainer.data.input_wait import InputWait
from trainer.features import variants
from trainer.features.compute_embeddings import build_float32, compute_embeddings, start_tensorflow
from trainer.features.embeddings import embed, weights_key
from trainer.features.heads import Matrix
from trainer.features.variants import Variant
from trainer.inference.litert import LiteRtModel, litert_version
from trainer.keras_import import keras
from trainer.models.networks.backbone import RESIZE_LAYER
from trainer.options import FitOptions
from trainer.runs.context import RunContext
from trainer.runs.gpus import has_gpu

# Views to compare with Keras: few are enough, because an error of the conversion changes the
# embeddings of all views. Memory grows with their pixels.
_MAX_COMPARED, _COMPARED_PX = 8, 8 * 320**2
# Accepted difference between LiteRT and Keras, as a fraction of the embeddings' standard
# deviation. Other orders of float32 sums differ by 1e-5 to 1e-4; logarithms of small means amplify
# the differences.
_TOLERANCE = 1e-3


class Embedder:
    """Computes and caches the embeddings of views by the frozen backbone of a model.

    LiteRT runs a converted copy of the backbone. Keras computes all embeddings if there is a GPU,
    if a layer cannot be converted, or if the embeddings of the first `views` differ.
    """

    def __init__(self, context: RunContext[FitOptions], model_name: str, views: pl.DataFrame):
        self._lake, self._options, self._timings = context.lake, context.options, context.timings
        self._model_name, self._views = model_name, views

    def embed(self, views: pl.DataFrame, variant: Variant) -> Matrix:
        """Return the embeddings of a variant of views, float32 (views, n), in order."""

        def compute(missing: pl.DataFrame) -> Matrix:
            waiting = InputWait()
            backbone = self.converted or self.backbone
            with self._timings.measure("embed", waiting):
                return compute_embeddings(backbone, self._lake, missing, variant, waiting)

        return embed(views, self.key(variant), compute)

    def key(self, variant: Variant) -> str:
        """Return the cache key of the embeddings of a variant of views."""
        on_keras = f"keras {version('keras')} deterministic={self._options.deterministic}"
        runtime = litert_version() if self.converted else on_keras
        # a change in the code of light changes changes their embeddings
        code = digest(Path(variants.__file__).read_bytes()) if variant.kind == "light" else ""
        return " ".join([self._lake.digest, self._weights_key, runtime, variant.name, code])

    @cached_property
    def backbone(self) -> keras.Model:
        """The backbone, from uint8 images (batch, size, size, 1) to float32 features (batch, n)."""
        start_tensorflow(self._timings)
        return build_float32(self._model_name, self._lake, self._options)

    @cached_property
    def converted(self) -> bytes:
        """The converted backbone, for `LiteRtModel`; empty if Keras computes the embeddings."""
        if has_gpu():
            return b""
        key = f"{self._weights_key} {self._lake.image.size} {litert_version()}"
        path = platformdirs.user_cache_path("mura-lake") / "backbones" / digest(key.encode())
        if cached := read_sealed(path, key):
            return cached
        # a refusal is not kept, because a later run may succeed, e.g. with more memory
        if content := self._convert():
            try:
                with sealed_file(path, key) as file:
                    file.write(content)
            except WriteError as error:
                note(f"a later run will convert {self._model_name} again: {error}")
        return content

    @cached_property
    def _weights_key(self) -> str:
        key = weights_key(self._model_name, self._options.initial_weights)
        return f"{key} {self._options.input_px}"

    def _convert(self) -> bytes:
        backbone = self.backbone

        from trainer.inference.conversion import convert

        note(f"converting the backbone of {self._model_name} to LiteRT, once on this machine")
        with self._timings.measure("convert"):
            try:
                content = convert(backbone)
                self._compare(backbone, content)
            except (TrainingError, ValueError) as error:
                note(f"Keras computes the embeddings, which takes longer: {error}")
                return b""
        return content

    def _compare(self, backbone: keras.Model, content: bytes) -> None:
        size_px = self._lake.image.size
        num_compared = max(1, min(_MAX_COMPARED, _COMPARED_PX // size_px**2))
        with ViewReader(self._lake, self._views.head(num_compared)) as reader:
            images = reader.read(np.arange(len(reader)))
        untyped: Any = backbone  # keras has no stubs
        is_resized = any(layer.name == RESIZE_LAYER for layer in untyped.layers)
        if is_resized or num_compared < _MAX_COMPARED:
            # a direct call would round the pixels after resizing, which predictions do not, and
            # keeps the outputs of all layers in memory: 2 GB for an image of 1,024 px
            expected = untyped.predict_on_batch(images)
        else:
            # for a few images, predict_on_batch takes longer to compile
            expected = np.asarray(untyped(images, training=False))
        received = LiteRtModel(content).predict(images)
        difference = np.abs(received - expected).max(initial=0) / expected.std()
        # not `> _TOLERANCE`: comparisons with NaN are false
        if not difference <= _TOLERANCE:
            raise TrainingError(
                f"Expected embeddings within {_TOLERANCE} standard deviations of those of Keras. "
                f"Received: a difference of {difference:.1g} by {litert_version()}"
            )
