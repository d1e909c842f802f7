"""Entry: what the table of models says of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none


@dataclass(frozen=True)
class Pretrained:
    """Weights that a network can start from.

    Attributes:
        find: returns their file; raises WeightsError where there is none.
        load: puts a file's weights into a backbone and freezes its batch normalization; raises
            WeightsError where they are not those of this network.
        learning_rate: of Adam, where all is trained from there.
    """

    find: Callable[[], Path]
    load: Callable[[keras.Model, Path], None]
    learning_rate: float = 1e-4


@dataclass(frozen=True)
class ModelEntry:
    """A network that can be asked for by name: a backbone, which a head follows.

    Attributes:
        build: takes the side of the lake's images in pixels; returns a model with random weights
            from uint8 images (batch, size, size, 1) to float32 features (batch, n).
        dropout: the share of features that the head does not see in a step, where all is trained.
        learning_rate: of Adam, where all is trained from random weights.
        pretrained: the weights that it can start from, if any.
    """

    build: Callable[[int], keras.Model]
    dropout: float = 0.0
    learning_rate: float = 1e-3
    pretrained: Pretrained | None = None

    def starts_at(self, weights: str) -> Pretrained | None:
        """Return what the option `weights=` makes the network start from; None if at random."""
        return None if weights == "none" else self.pretrained
