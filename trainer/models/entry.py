"""Entry: what the table of models says of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import keras  # pyright: ignore[reportMissingTypeStubs]  # it has none


@dataclass(frozen=True)
class ModelEntry:
    """A network that can be asked for by name: a trunk, which a head follows.

    Attributes:
        build_trunk: takes the side of the lake's images in pixels; returns a model from uint8
            images (batch, size, size, 1) to float32 features (batch, n).
        learning_rate: of Adam, where all of it is trained.
        dropout: the share of features that the head does not see in a step, where all is trained.
        find_weights: where the trunk is pretrained; returns where the weights are, raises
            WeightsError where they are not.
    """

    build_trunk: Callable[[int], keras.Model]
    learning_rate: float
    dropout: float = 0.0
    find_weights: Callable[[], Path] | None = None

    @property
    def is_pretrained(self) -> bool:
        """Whether the trunk comes with weights, so that it may be frozen."""
        return self.find_weights is not None
