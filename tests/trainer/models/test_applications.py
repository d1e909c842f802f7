"""The networks of keras.applications see in a grey image what they would see in three channels."""

import re
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from shared.errors import WeightsError
from tests.commands import PROJECT
from trainer.models.classifier_head import add_classifier
from trainer.models.table import build_backbone

pytestmark = pytest.mark.slow

NETWORKS = {
    "mobilenetv2": ("mobilenet_v2", "MobileNetV2", "published.h5"),
    "efficientnetv2b0": ("efficientnet_v2", "EfficientNetV2B0", "whole.keras"),
    "densenet121": ("densenet", "DenseNet121", "own.weights.h5"),
    "resnet50": ("resnet50", "ResNet50", "published.h5"),
    "inceptionv3": ("inception_v3", "InceptionV3", "published.h5"),
    "xception": ("xception", "Xception", "whole.keras"),
}
"""Model: its module and function in keras.applications, and the kind of file to load."""
NORMALIZED_ALIKE = ("inceptionv3", "xception")
"""Networks with the normalization of mobilenetv2; a test of each takes 20 s."""
SAMPLE = [
    pytest.param(name, marks=pytest.mark.benchmark if name in NORMALIZED_ALIKE else ())
    for name in NETWORKS
]
SAVED = "resnet50"
"""The network that is saved and loaded, which takes seconds: its grey entrance has three layers."""
SIZE_PX = 77
TRAINING = (PROJECT / "docs" / "training.md").read_text()


def _original(name: str) -> Any:
    """The network for RGB with random weights, also where it would begin with ones and zeros."""
    module, function, _ = NETWORKS[name]
    network: Any = getattr(getattr(keras.applications, module), function)(
        include_top=False, weights=None, input_shape=(SIZE_PX, SIZE_PX, 3), pooling="avg"
    )
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.3, 1, w.shape) for w in layer.get_weights()])
    return network


def _save(network: Any, path: Path) -> None:
    if path.suffix == ".keras":
        network.save(path)
    elif path.name.endswith(".weights.h5"):
        network.save_weights(path)
    else:
        network.save(path.with_name("legacy.h5"))
        with h5py.File(path.with_name("legacy.h5")) as whole, h5py.File(path, "w") as published:
            layers: Any = whole["model_weights"]
            for name in layers:
                whole.copy(layers[name], published, name)
            published.attrs.update(layers.attrs)


def _documented_parameters(name: str) -> int:
    row = re.search(rf"^\| `{name}` \|.*?\| ([\d,]+) \|", TRAINING, re.MULTILINE)
    assert row
    return int(row[1].replace(",", ""))


def _images(channels: int = 1) -> Any:
    images = np.random.default_rng(1).integers(0, 256, (2, SIZE_PX, SIZE_PX, 1), np.uint8)
    return np.repeat(images, channels, axis=3)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mobilenetv2.weights.h5"
    _original("mobilenetv2").save_weights(path)
    return path


@pytest.mark.parametrize("name", SAMPLE)
def test_features_are_those_of_the_original_with_its_own_normalization(
    name: str, tmp_path: Path
) -> None:
    module, _, file = NETWORKS[name]
    original = _original(name)
    _save(original, tmp_path / file)
    normalize = getattr(keras.applications, module).preprocess_input
    expected = np.asarray(original(normalize(_images(3).astype("float32"))))
    backbone: Any = build_backbone(name, SIZE_PX, str(tmp_path / file))
    received = np.asarray(backbone(_images()))
    np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-5 * np.ptp(expected))
    assert backbone.input.dtype == "uint8"
    first = next(layer for layer in backbone.layers if layer.weights)
    assert first.kernel.shape[2] < 3
    assert backbone.count_params() + backbone.output_shape[1] + 1 == _documented_parameters(name)
    if name == SAVED:
        model: Any = add_classifier(backbone, 3)
        model.save(tmp_path / "model.keras")
        loaded: Any = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(_images()), model(_images()))


@pytest.mark.parametrize(
    "name", ["densenet169", pytest.param("resnet152", marks=pytest.mark.benchmark)]
)
def test_a_deeper_sibling_has_the_same_entrance(name: str) -> None:
    backbone: Any = build_backbone(name, SIZE_PX, "none")
    assert backbone.get_layer("with_ones").output.shape == (None, SIZE_PX, SIZE_PX, 2)
    assert backbone.get_layer("conv1_conv").kernel.shape == (7, 7, 2, 64)
    assert backbone.count_params() + backbone.output_shape[1] + 1 == _documented_parameters(name)


def test_normalization_stays_where_it_is_pretrained_and_is_learnt_where_it_is_not(
    weights_file: Path,
) -> None:
    for weights, is_learnt in ((str(weights_file), False), ("none", True)):
        backbone: Any = build_backbone("mobilenetv2", SIZE_PX, weights)
        names = [weight.path for weight in backbone.trainable_weights]
        assert any("kernel" in name for name in names)
        assert any("gamma" in name for name in names) == is_learnt
        before = backbone.get_layer("bn_Conv1").get_weights()
        backbone(_images(), training=True)
        pairs = zip(before, backbone.get_layer("bn_Conv1").get_weights(), strict=True)
        assert all(np.array_equal(was, now) for was, now in pairs) != is_learnt


def test_small_images_are_made_large_enough_and_large_ones_smaller_on_request() -> None:
    for size_px, input_px, working_px in ((16, 320, 32), (400, 320, 320), (400, 512, 400)):
        backbone: Any = build_backbone("mobilenetv2", size_px, "none", input_px)
        assert backbone.get_layer("normalize").output.shape[1:] == (working_px, working_px, 1)


def test_weights_of_another_network_and_damaged_ones_are_refused(
    weights_file: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.weights.h5"
    cut.write_bytes(weights_file.read_bytes()[:100_000])
    text = tmp_path / "text.keras"
    text.write_text("not a model")
    for name, path in (("resnet50", weights_file), ("mobilenetv2", cut), ("mobilenetv2", text)):
        with pytest.raises(
            WeightsError, match=r"Expected (the weights of .*|a valid file of weights.) Received: "
        ) as caught:
            build_backbone(name, SIZE_PX, str(path))
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)
