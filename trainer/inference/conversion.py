"""Conversion of Keras models to TensorFlow Lite's format, which LiteRT runs."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (  # pyright: ignore[reportMissingImports]  # loaded late by TensorFlow
    convert_variables_to_constants_v2,
)

from shared.errors import TrainingError
from trainer.silenced import silenced


def convert(model: keras.Model) -> bytes:
    """Return a model of uint8 images (batch, size, size, 1) in TensorFlow Lite's format.

    Its outputs, one or several, are float32 (batch, n).

    Raises:
        TrainingError: the converter does not support a layer of the model.
    """
    try:
        with silenced():
            function = _trace(without_resizing(model))
            # unlike the newer interface, it does not copy the graph in Python, which takes seconds
            converter = tf.compat.v1.lite.TFLiteConverter(
                function.graph.as_graph_def(), function.inputs, function.outputs
            )
            return converter.convert()
    except Exception as error:  # the converter documents no exception type
        raise TrainingError(
            "Expected a model that TensorFlow Lite supports. "
            f"Received: {' '.join(str(error).split())[:300]}"
        ) from None


def _trace(model: Any) -> Any:
    weights = [
        [variable.numpy() for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    ]
    signature = tf.TensorSpec(model.input_shape, tf.uint8, name="image")
    function = tf.function(
        lambda image: model.stateless_call(*weights, image, training=False)[0],
        input_signature=[signature],
        autograph=False,
    )
    return function.get_concrete_function()


def convert_function(function: Any) -> bytes:
    """Return a concrete function in TensorFlow Lite's format."""
    # the converter aborts the process on graphs that contain Keras's variables
    frozen: Any = convert_variables_to_constants_v2(function)
    graph = frozen.graph.as_graph_def()
    # `from_concrete_functions` would freeze the graph again, which takes as long as the rest
    return tf.compat.v1.lite.TFLiteConverter(graph, frozen.inputs, frozen.outputs).convert()


def without_resizing(model: keras.Model) -> keras.Model:
    """Return the model with each Resizing layer replaced by `_Resize`."""
    if not any(isinstance(layer, keras.layers.Resizing) for layer in _list_layers(model)):
        return model  # a copy takes seconds

    def replace(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Resizing):
            return _Resize(layer, size_px=model.input_shape[1])
        return type(layer).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=replace, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def _list_layers(model: keras.Model) -> list[Any]:
    layers: list[Any] = model.layers
    nested = [_list_layers(layer) for layer in layers if isinstance(layer, keras.Model)]
    return [*layers, *(layer for inner in nested for layer in inner)]


class _Resize(keras.layers.Layer):
    # as two matrix products, because converters do not support antialiased resizing
    def __init__(self, layer: keras.layers.Resizing, size_px: int):
        super().__init__(name=layer.name, trainable=False)
        self._across = _weights(layer, size_px)

    def call(self, images: Any) -> Any:
        grey = tf.cast(images[..., 0], tf.float32)
        narrow = tf.matmul(grey, self._across, transpose_b=True)
        return tf.matmul(self._across, narrow)[..., None]

    def compute_output_shape(self, input_shape: Any) -> Any:
        side = self._across.shape[0]
        return (input_shape[0], side, side, 1)


def _weights(layer: keras.layers.Resizing, size_px: int) -> Any:
    """Return the weight of each input row in each output row, float32 (output, input)."""
    # resizing is linear and separable, so resized unit columns are its weights
    columns = tf.eye(size_px)[:, :, None, None]
    lines = layer(tf.tile(columns, (1, 1, size_px, 1)))
    # numpy, because tf2onnx would treat a captured tensor as an input
    return tf.transpose(lines[:, :, 0, 0]).numpy()
