"""Layer-CAM maps: of every family and combination, where they belong, mirrored with their views."""

import keras
import numpy as np
import pytest

from trainer.explain.layer_cam import LayerCam
from trainer.models.classifier_head import add_classifier
from trainer.models.ensemble import build_ensemble
from trainer.models.networks.backbone import join_backbones
from trainer.models.table import build_backbone

pytestmark = pytest.mark.slow

SIZE_PX = 64


def _images() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (3, SIZE_PX, SIZE_PX, 1), np.uint8)


def _head(backbone: keras.Model, num_outputs: int = 1) -> keras.Model:
    return add_classifier(
        keras.Model(features := keras.Input(backbone.output_shape[1:]), features), num_outputs
    )


@pytest.mark.parametrize(
    ("name", "num_outputs"),
    [("cnn2", 1), ("cnn4", 4), ("resnet_small", 1), ("efficientnet_lite0", 4), ("mobilenetv2", 1)],
)
def test_maps_are_0_to_1_in_every_family(name: str, num_outputs: int) -> None:
    keras.utils.set_random_seed(1)
    model = add_classifier(build_backbone(name, SIZE_PX, "none"), num_outputs)
    heat = LayerCam(model).explain(_images())
    assert heat.shape == (3, SIZE_PX, SIZE_PX)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    peaks = heat.max(axis=(1, 2))
    assert np.isin(peaks.round(5), (0, 1)).all()


@pytest.mark.parametrize(
    ("name", "size_px"),
    [
        ("resnet50", 32),
        *(
            pytest.param(*network, marks=pytest.mark.benchmark)
            for network in (
                ("densenet121", 32),
                ("efficientnetv2b0", 32),
                ("inceptionv3", 75),
                ("xception", 71),
            )
        ),
    ],
)
def test_large_families_have_maps_too(name: str, size_px: int) -> None:
    """Their deeper twins, densenet169 and resnet152, only repeat more of the same blocks."""
    keras.utils.set_random_seed(1)
    view = np.random.default_rng(3).integers(0, 256, (1, size_px, size_px, 1), np.uint8)
    heat = LayerCam(add_classifier(build_backbone(name, size_px, "none"))).explain(view)
    assert heat.shape == (1, size_px, size_px)
    assert heat.max() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["heads of a backbone", "whole", "staged"])
def test_mirror_images_have_mirrored_maps_where_both_are_asked(kind: str) -> None:
    keras.utils.set_random_seed(2)
    backbone = build_backbone("resnet_small", SIZE_PX, "none")
    has_backbone = kind == "heads of a backbone"
    if has_backbone:
        members = [_head(backbone) for _ in range(2)]
    else:
        members = [
            add_classifier(backbone)
            if kind == "whole"
            else build_ensemble([_head(backbone)], backbone)
        ]
    model = build_ensemble(members, backbone if has_backbone else None, tta="flip")
    cam = LayerCam(model)
    heat = cam.explain(_images())
    mirrored = cam.explain(np.ascontiguousarray(_images()[:, :, ::-1]))
    np.testing.assert_allclose(mirrored, heat[:, :, ::-1], atol=1e-3)
    plain = build_ensemble(members[:1], backbone if has_backbone else None)
    assert np.abs(LayerCam(plain).explain(_images()) - heat).max() > 0.01


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_maps_of_joined_backbones_are_mirrored_and_depend_on_both(tta: str) -> None:
    keras.utils.set_random_seed(4)
    parts = [build_backbone(name, SIZE_PX, "none") for name in ("cnn4", "resnet_small")]
    joined = join_backbones(parts)
    head = _head(joined)
    heat = LayerCam(build_ensemble([head], joined, tta)).explain(_images())
    assert heat.shape == (3, SIZE_PX, SIZE_PX)
    assert heat.max() == pytest.approx(1)
    logits = head.get_layer("logits")
    kernel, bias = logits.get_weights()
    for part in (slice(parts[0].output_shape[1]), slice(parts[0].output_shape[1], None)):
        weights = kernel.copy()
        weights[part] = 0
        logits.set_weights([weights, bias])
        other = LayerCam(build_ensemble([head], joined, tta)).explain(_images())
        assert np.abs(other - heat).max() > 0.01
    if tta == "flip":
        logits.set_weights([kernel, bias])
        cam = LayerCam(build_ensemble([head], joined, tta))
        mirrored = cam.explain(np.ascontiguousarray(_images()[:, :, ::-1]))
        np.testing.assert_allclose(mirrored, heat[:, :, ::-1], atol=1e-3)


def test_the_map_is_hot_where_the_answer_comes_from() -> None:
    images = keras.Input((SIZE_PX, SIZE_PX, 1), dtype="uint8", name="image")
    bright = keras.layers.Rescaling(1 / 255)(images)
    maps = keras.layers.Conv2D(1, 1, activation="relu", kernel_initializer="ones")(bright)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    model = add_classifier(keras.Model(images, pooled))
    model.get_layer("logits").set_weights([np.ones((1, 1)), np.zeros(1)])
    view = np.zeros((1, SIZE_PX, SIZE_PX, 1), np.uint8)
    view[0, 10:14, 40:44] = 255
    (heat,) = LayerCam(model).explain(view)
    np.testing.assert_allclose(heat, view[0, ..., 0] / 255, atol=1e-5)
