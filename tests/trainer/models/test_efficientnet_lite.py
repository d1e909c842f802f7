"""The networks compute what their PyTorch originals compute.

The expected values are from PyTorch 2.13 and the package efficientnet-lite-pytorch 0.1.0 with the
same files of weights, at the side of the images that each network was trained on: the original
pads its maps for that side only.
"""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared.errors import WeightsError
from trainer.models.classifier_head import add_classifier
from trainer.models.networks.efficientnet_lite import LITE0, LITE1, LITE2, EfficientNetLite
from trainer.models.networks.efficientnet_lite_weights import find_weights, load_weights
from trainer.models.networks.torch_pickle import read_tensors

pytestmark = pytest.mark.slow


class _Original(NamedTuple):
    """Outputs of an original for `_waves`.

    Attributes:
        size_px: side of the image.
        pooled: features 2 and 1279, and the sum of all 1,280.
        logits: of ImageNet's three most probable classes, by class.
    """

    size_px: int
    pooled: tuple[float, float, float]
    logits: dict[int, float]


ORIGINALS = {
    LITE0: _Original(
        224, (0.9196914, 0.1493933, 239.38795), {800: 7.4819245, 741: 6.6500287, 731: 6.3324733}
    ),
    LITE1: _Original(
        240, (0.0366799, 0.0244641, 216.89218), {772: 6.1046329, 811: 6.0149384, 818: 5.7774997}
    ),
    LITE2: _Original(
        260, (0.2276631, 0.0, 194.83366), {590: 5.2254443, 800: 4.6581678, 906: 4.6224399}
    ),
}


def _pretrained(size_px: int, channels: int = 1, network: EfficientNetLite = LITE0) -> Any:
    backbone = network.build(size_px, channels=channels)
    load_weights(backbone, find_weights(network.name, network.digest))
    return backbone


def _waves(i: Any, j: Any, channel: Any) -> Any:
    return 127.5 * (1 + np.sin(i / 17 + channel) * np.cos(j / 23))


@pytest.mark.parametrize("network", ORIGINALS)
def test_features_and_logits_are_those_of_the_original(network: EfficientNetLite) -> None:
    size_px, (*features, total), expected_logits = ORIGINALS[network]
    model = _pretrained(size_px, channels=3, network=network)
    ends = [model.get_layer("pool").output, model.output]
    normalized: Any = keras.Model(model.get_layer("normalize").output, ends)
    image = (np.fromfunction(_waves, (size_px, size_px, 3)) - 127) / 128
    pooled, embedding = (np.asarray(e)[0] for e in normalized(image[None].astype("float32")))
    assert pooled[[2, 1279]] == pytest.approx(features, abs=1e-5)
    assert pooled.sum() == pytest.approx(total, abs=1e-3)
    np.testing.assert_allclose(embedding[-1280:], np.log(pooled + 0.02), atol=1e-4)
    tensors = read_tensors(find_weights(network.name, network.digest))
    logits = tensors["_fc.weight"] @ pooled + tensors["_fc.bias"]
    assert set(np.argsort(logits)[-3:]) == set(expected_logits)
    for index, logit in expected_logits.items():
        assert logits[index] == pytest.approx(logit, abs=1e-4)


def test_the_means_of_the_last_stages_precede_those_of_the_head() -> None:
    model = _pretrained(96)
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 1), np.uint8)
    ends = [model.get_layer(name).output for name in ("blocks.10.add", "blocks.14.add")]
    maps: Any = keras.Model(model.input, [*ends, model.get_layer("blocks.15.bn2").output])
    means = [np.asarray(each).mean(axis=(1, 2)) for each in maps(images)]
    assert [mean.shape[1] for mean in means] == [112, 192, 320]
    embedding = np.asarray(model(images))
    assert embedding.shape == (2, 1904)
    np.testing.assert_allclose(embedding[:, :624], np.hstack(means), atol=1e-5)


def test_a_grey_image_enters_as_three_equal_channels_would() -> None:
    grey = _pretrained(96)
    coloured = _pretrained(96, channels=3)
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 1), np.uint8)
    expected = coloured(np.repeat(images, 3, axis=3))
    np.testing.assert_allclose(grey(images), expected, atol=1e-4)


def test_every_convolution_is_trained_and_every_normalization_stays() -> None:
    model: Any = add_classifier(_pretrained(32))
    before = model.get_layer("bn0").get_weights()
    kernels = [name for name in (weight.path for weight in model.weights) if "kernel" in name]
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(images, training=True))
    gradients = tape.gradient(loss, model.trainable_weights)
    names = [weight.path for weight in model.trainable_weights]
    assert [name for name in names if "logits" not in name] == kernels[:-1]
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    for was, now in zip(before, model.get_layer("bn0").get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize(
    ("size_px", "input_px", "num_cells"), [(33, 320, 2), (320, 320, 10), (512, 320, 10)]
)
def test_images_of_any_size_are_embedded_and_large_ones_reduced_on_request(
    size_px: int, input_px: int, num_cells: int
) -> None:
    assert LITE0.build(size_px, input_px).get_layer("pool").input.shape[1] == num_cells


def test_images_are_not_reduced_by_default() -> None:
    assert LITE0.build(512).get_layer("pool").input.shape[1] == 16


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"\x80\x02.")
    with pytest.raises(WeightsError, match=r"Received: .*weights\.pth"):
        load_weights(LITE0.build(32), file)


@pytest.mark.parametrize(
    ("network", "num_features", "num_blocks"), [(LITE1, 1904, 21), (LITE2, 1960, 21)]
)
def test_a_deeper_network_takes_all_tensors_of_its_file(
    network: EfficientNetLite, num_features: int, num_blocks: int
) -> None:
    backbone: Any = network.build(64)
    load_weights(backbone, find_weights(network.name, network.digest))
    assert backbone.output_shape == (None, num_features)
    tensors = read_tensors(find_weights(network.name, network.digest))
    names = {name.split(".")[1] for name in tensors if name.startswith("_blocks")}
    assert len(names) == num_blocks
    # each weight is set: kernels, and four of each normalization, which counts its batches too
    used = [name for name in tensors if not name.startswith("_fc") and "num_batches" not in name]
    assert len(backbone.weights) == len(used)
