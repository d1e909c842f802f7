"""Two small convolutional networks from earlier work on MURA, trained from random weights."""

from __future__ import annotations

from typing import Any

from trainer.keras_import import keras
from trainer.models.networks.backbone import DEFAULT_INPUT_PX, add_input

# side of the images that both networks take: small enough to train on a CPU
_WORKING_SIZE_PX = 128


def build_cnn2(size_px: int, input_px: int = DEFAULT_INPUT_PX) -> keras.Model:
    """Build two blocks of convolution and max-pooling, dropout 0.2, and a dense layer of 64."""
    inputs, features = _grey_input(size_px, input_px)
    for num_filters in (32, 64):
        features = keras.layers.Conv2D(num_filters, 3, padding="same", activation="relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Flatten()(keras.layers.Dropout(0.2)(features))
    return keras.Model(inputs, keras.layers.Dense(64, activation="relu")(features))


def build_cnn4(size_px: int, input_px: int = DEFAULT_INPUT_PX) -> keras.Model:
    """Build four blocks of convolution, max-pooling and dropout 0.2, and a dense layer of 100."""
    inputs, features = _grey_input(size_px, input_px)
    for num_filters in (16, 32, 64, 128):
        features = keras.layers.Conv2D(num_filters, 3, padding="same", activation="relu")(features)
        features = keras.layers.Dropout(0.2)(keras.layers.MaxPooling2D()(features))
    features = keras.layers.Flatten()(features)
    return keras.Model(inputs, keras.layers.Dense(100, activation="relu")(features))


def _grey_input(size_px: int, input_px: int) -> tuple[Any, Any]:
    images, pixels = add_input(size_px, min(_WORKING_SIZE_PX, input_px))
    return images, keras.layers.Rescaling(1 / 255)(pixels)
