"""A graph of preprocessing and model, built from operations that every converter supports."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from shared.images.spec import ImageSpec
from trainer.export.preprocessing import prepare
from trainer.inference.conversion import without_resizing

INPUT = "image"


def build_graph(model: keras.Model, spec: ImageSpec, output: str) -> tf.Module:
    """Return a module with a function `serve` that predicts for images of any size.

    It takes `image`, uint8 (batch, height, width, 1), and returns a dictionary from `output` to
    float32 (batch, n).
    """
    module: Any = tf.Module()
    module.model = without_resizing(model)
    num_outputs = model.output_shape[-1]

    def serve(image: Any) -> dict[str, Any]:
        outputs = module.model(prepare(image, spec), training=False)
        return {output: tf.ensure_shape(outputs, (None, num_outputs))}

    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, name=INPUT)
    module.serve = tf.function(serve, input_signature=[signature])
    return module
