"""The specification of a network in the table of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.keras_import import keras
from trainer.models.start import load_start, start_of


@dataclass(frozen=True)
class Pretrained:
    """Pretrained weights of a network; both functions raise WeightsError.

    Attributes:
        find: returns the file.
        load: loads a file into a backbone and freezes its batch normalization.
    """

    find: Callable[[], Path]
    load: Callable[[keras.Model, Path], None]
    learning_rate: float = 1e-4


@dataclass(frozen=True)
class ModelEntry:
    """A network in the table of models: a backbone, followed by a head.

    Attributes:
        build: takes the side of the lake's images and the largest side for the network, in pixels;
            returns a model with random weights from uint8 images (batch, size, size, 1) to float32
            features (batch, n).
        dropout: before the head, if the whole network is trained.
        learning_rate: of Adam, with random initial weights.
    """

    build: Callable[[int, int], keras.Model]
    dropout: float = 0.0
    learning_rate: float = 1e-3
    pretrained: Pretrained | None = None

    def pretrained_for(self, weights: str) -> Pretrained | None:
        """Return the pretrained weights for the option `weights=`; None for random weights."""
        # the weights of a run, of whatever network
        if path := start_of(weights):
            return Pretrained(lambda: path, load_start)
        return None if weights == "none" else self.pretrained
