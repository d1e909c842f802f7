"""Keras predicts large images in small batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.lake.open import open_lake
from shared.lake.reader import ViewReader
from tests.commands import call

pytestmark = pytest.mark.slow


def test_large_images_are_predicted_in_small_batches(phantom_tree: Path, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    from trainer.inference.keras_inference import infer

    class CountImages(keras.layers.Layer):
        """The number of images in the batch of each image."""

        def call(self, images: Any) -> Any:
            num_images = tf.shape(images)[0]
            return tf.fill([num_images, 1], tf.cast(num_images, tf.float32))

    assert call("mura-ingest", phantom_tree, f"lake={tmp_path}", "size=1024").returncode == 0
    lake = open_lake(str(tmp_path))
    images: Any = keras.Input((1024, 1024, 1), dtype="uint8")
    model = keras.Model(images, CountImages()(images))
    with ViewReader(lake, lake.manifest.head(14)) as reader:
        received = infer(model, reader, "predict")
    # the pixels of 64 images of 320 px are those of six
    assert np.unique(received).tolist() == [2, 6]
