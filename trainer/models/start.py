"""Initial weights from the model of a finished run, for fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.errors import WeightsError
from trainer.keras_import import keras
from trainer.models.ensemble import split_ensemble
from trainer.models.networks.backbone import configure_batch_norm

MODEL_FILE = "model.keras"
_PREFIX = "start:"


def weights_of(start: str) -> str:
    """Return the value of `weights` that stands for the model of a run folder."""
    return f"{_PREFIX}{start}"


def start_of(weights: str) -> Path | None:
    """Return the model file for a value of `weights` from `weights_of`; None for other values."""
    return Path(weights.removeprefix(_PREFIX)) / MODEL_FILE if weights.startswith(_PREFIX) else None


def load_start(backbone: keras.Model, path: Path) -> None:
    """Load the weights of the backbone in a run's model, and freeze its batch normalization.

    Raises:
        WeightsError: the file is damaged, or its model has another backbone or several.
    """
    untyped: Any = keras.models
    try:
        # safe_mode refuses serialized lambdas, which can run any code
        weights = _find_weights(untyped.load_model(path, compile=False, safe_mode=True))
        backbone.set_weights(weights)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises many types for a damaged or another model
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"Expected a run of the same network, not an ensemble of whole networks. "
            f"Received: {reason} in {path}"
        ) from None
    configure_batch_norm(backbone, is_frozen=True)


def _find_weights(model: keras.Model) -> list[Any]:
    parts = split_ensemble(model)
    if parts.backbone is not None:
        return parts.backbone.get_weights()
    (whole,) = parts.members
    if whole is not model:
        # with test-time augmentation, the member can contain a backbone and a head
        return _find_weights(whole)
    layers: list[Any] = [layer for layer in model.layers if layer.name != "logits"]
    return [array for layer in layers for array in layer.get_weights()]
