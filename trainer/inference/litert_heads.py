"""Heads on a converted backbone: a model for LiteRT without a conversion of the whole network."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.inference.litert_graph import Graph
from trainer.keras_import import keras
from trainer.models.ensemble import split_ensemble


def add_heads(backbone: bytes, model: keras.Model) -> bytes:
    """Return a model in TensorFlow Lite's format, from its converted backbone and its heads.

    Its outputs are the probabilities (1, outputs) and the features of the image (1, n).
    """
    # the converter takes seconds for a network; a head is two operations, which are appended
    parts = split_ensemble(model)
    graph = Graph(backbone)
    embeddings = [graph.features]
    if parts.tta == "flip":
        embeddings.append(graph.embed_mirrored())
    weights = [head.get_layer("logits").get_weights() for head in parts.members]
    outputs = [graph.add_head(each, *arrays) for each in embeddings for arrays in weights]
    return graph.finish(graph.add_mean(outputs), graph.features)


def join_converted(contents: Sequence[bytes]) -> bytes:
    """Return several converted backbones as one, with their features concatenated."""
    first, *others = contents
    graph = Graph(first)
    features = [graph.features, *(graph.add_network(content) for content in others)]
    return graph.finish(graph.concatenate(features))
