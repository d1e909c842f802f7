"""Entry: what the table of models says of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its head.

    Attributes:
        build: takes the side of the lake's images in pixels; returns a model with its pretrained
            weights from uint8 images (batch, size, size, 1) to float32 embeddings (batch, n).
        find_weights: returns where the weights are; raises WeightsError where they are not.
    """

    build: Callable[[int], keras.Model]
    find_weights: Callable[[], object]


@dataclass(frozen=True)
class ModelEntry:
    """A network that can be asked for by name.

    Attributes:
        build: takes the side of the lake's images in pixels; returns a model from uint8 images
            (batch, size, size, 1) to float32 probabilities of abnormal (batch, 1).
        learning_rate: of Adam, where all of it is trained.
        backbone: what is pretrained of it, if anything.
    """

    build: Callable[[int], keras.Model]
    learning_rate: float
    backbone: Backbone | None = None
