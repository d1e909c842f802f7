"""A graph of preprocessing and model, built from operations that every converter supports."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from shared.images.spec import ImageSpec
from trainer.export.preprocessing import prepare

INPUT = "image"


def build_graph(model: keras.Model, spec: ImageSpec, output: str) -> tf.Module:
    """Return a module with a function `serve` that predicts for images of any size.

    Args:
        model: from uint8 images (batch, size, size, 1) to float32 (batch, n).
        spec: preprocessing of the images.
        output: name of the output.

    Returns:
        `serve` takes `image`, uint8 (batch, height, width, 1), and returns a dictionary from
        `output` to float32 (batch, n).
    """
    module: Any = tf.Module()
    module.model = _without_resizing(model)
    num_outputs = model.output_shape[-1]

    def serve(image: Any) -> dict[str, Any]:
        outputs = module.model(prepare(image, spec), training=False)
        return {output: tf.ensure_shape(outputs, (None, num_outputs))}

    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, name=INPUT)
    module.serve = tf.function(serve, input_signature=[signature])
    return module


class _Resize(keras.layers.Layer):
    """Resizing as two matrix products; converters do not support antialiased resizing."""

    def __init__(self, layer: keras.layers.Resizing, size_px: int):
        super().__init__(name=layer.name, trainable=False)
        self._matrix = _weights(layer, size_px)

    def call(self, images: Any) -> Any:
        grey = tf.cast(images[..., 0], tf.float32)
        narrow = tf.matmul(grey, self._matrix, transpose_b=True)
        return tf.matmul(self._matrix, narrow)[..., None]

    def compute_output_shape(self, input_shape: Any) -> Any:
        side = self._matrix.shape[0]
        return (input_shape[0], side, side, 1)


def _weights(layer: keras.layers.Resizing, size_px: int) -> Any:
    """Return the weight of each input row in each output row, float32 (output, input).

    Resizing is linear and separable, so resized unit columns are its weights.
    """
    columns = tf.eye(size_px)[:, :, None, None]
    lines = layer(tf.tile(columns, (1, 1, size_px, 1)))
    # numpy, because tf2onnx would treat a captured tensor as an input
    return tf.transpose(lines[:, :, 0, 0]).numpy()


def _without_resizing(model: keras.Model) -> keras.Model:
    """Return a copy of the model, with weights, and each Resizing layer replaced by `_Resize`."""

    def replace(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Resizing):
            return _Resize(layer, size_px=model.input_shape[1])
        return type(layer).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=replace, recursive=True)
    copy.set_weights(model.get_weights())
    return copy
