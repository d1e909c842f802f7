"""Converted models have the outputs of Keras."""

from typing import Any

import keras
import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from shared.errors import TrainingError
from shared.lake.open import Lake
from trainer.inference.conversion import convert, convert_function
from trainer.inference.litert import LiteRtModel
from trainer.inference.litert_file import write_litert
from trainer.models.classifier_head import add_classifier
from trainer.models.table import MODELS, build_backbone
from trainer.runs.run_folder import LITERT_FILE

pytestmark = pytest.mark.slow

SIZE_PX, INPUT_PX = 77, 320
SMALL = ("cnn2", "cnn4", "resnet_small", "efficientnet_lite0", "mobilenetv2")
LARGE = [name for name in MODELS if name not in SMALL]
"""Networks that take half a minute each to convert."""
NETWORKS = [
    *((name, SIZE_PX) for name in SMALL),
    # cnn2 enlarges 77 px, and reduces this with antialiasing
    ("cnn2", 177),
    pytest.param("efficientnet_lite0", INPUT_PX + 33, marks=pytest.mark.benchmark),
    *(pytest.param(name, SIZE_PX, marks=pytest.mark.benchmark) for name in LARGE),
    pytest.param("inceptionv3", 64, marks=pytest.mark.benchmark),
]


@pytest.mark.parametrize(("name", "size_px"), NETWORKS)
def test_every_network_has_the_outputs_of_keras(name: str, size_px: int) -> None:
    keras.utils.set_random_seed(0)
    backbone: Any = build_backbone(name, size_px, "none", INPUT_PX)
    images = np.random.default_rng(0).integers(0, 256, (3, size_px, size_px, 1), np.uint8)
    # smooth images too, on which filters differ more
    images[1] = np.linspace(0, 255, size_px, dtype=np.uint8)[:, None]
    expected = backbone.predict_on_batch(images)
    received = LiteRtModel(convert(backbone), 2).predict(images)
    assert np.abs(received - expected).max() <= 1e-4 * expected.std()


class Determinant(keras.layers.Layer):
    """A layer that TensorFlow Lite has no operation for."""

    def call(self, inputs: Any) -> Any:
        images = tf.cast(inputs[..., 0], tf.float32) / 255
        return tf.sigmoid(tf.linalg.det(images))[:, None]


def unsupported_model(size_px: int) -> Any:
    images: Any = keras.Input((size_px, size_px, 1), dtype="uint8")
    return add_classifier(keras.Model(images, Determinant()(images)))


def test_a_layer_that_cannot_be_converted_is_named_in_one_line() -> None:
    with pytest.raises(TrainingError, match=r"supports\. Received: .*MatrixDeterminant") as refused:
        convert(unsupported_model(8))
    assert len(str(refused.value).splitlines()) == 1


def test_a_model_for_other_images_is_refused() -> None:
    signature = tf.TensorSpec((None, 8, 8, 1), tf.float32)
    function = tf.function(lambda images: images[:, 0, 0], input_signature=[signature])
    content = convert_function(function.get_concrete_function())
    with pytest.raises(ValueError, match=r"from uint8 to float32\. Received: float32 to float32"):
        LiteRtModel(content, 1)


def test_a_run_gets_only_a_file_with_its_own_predictions(
    lake: Lake, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    size_px = lake.image.size
    keras.utils.set_random_seed(0)
    model: Any = add_classifier(build_backbone("cnn2", size_px, "none"), 1, 0.0)
    views = lake.manifest.head(5)
    images = np.zeros((1, size_px, size_px, 1), np.uint8)
    (blank,) = model.predict_on_batch(images)[0]
    scored = views.select("view_id", fold=pl.lit(None, pl.Int64), probability=pl.lit(float(blank)))
    for unusable, reason in (
        (model, "Expected the probabilities of the run within 0.0001 from LiteRT"),
        (unsupported_model(size_px), "Expected a model that TensorFlow Lite supports"),
    ):
        # a file that an interrupted process wrote for another model
        (tmp_path / LITERT_FILE).write_bytes(b"another model")
        write_litert(tmp_path, unusable, b"", lake, scored)
        said = capsys.readouterr().err
        assert f"predictions from this run will need TensorFlow: {reason}" in said
        assert not (tmp_path / LITERT_FILE).exists()
