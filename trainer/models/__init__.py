"""The table of models; a new model is one builder and one entry here."""

from collections.abc import Iterable

from trainer.models import efficientnet_lite, scratch
from trainer.models.entry import ModelEntry

__all__ = ["MODELS", "require_weights"]

MODELS = {
    "cnn2": ModelEntry(scratch.build_cnn2, 1e-3, dropout=0.5),
    "cnn4": ModelEntry(scratch.build_cnn4, 1e-3, dropout=0.2),
    "efficientnet_lite0": ModelEntry(
        efficientnet_lite.build_trunk, 1e-4, 0.2, efficientnet_lite.find_weights
    ),
}


def require_weights(names: Iterable[str]) -> None:
    """Check that the pretrained weights of the models are there, before anything slow begins.

    Raises:
        WeightsError: some are not installed.
    """
    for name in names:
        if find_weights := MODELS[name].find_weights:
            find_weights()
