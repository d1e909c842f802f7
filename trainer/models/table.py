"""The table of models. A new model needs a builder and an entry here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from shared.errors import WeightsError
from shared.storage.store import as_path
from trainer.keras_import import keras
from trainer.models.candidates import list_networks
from trainer.models.networks import baselines, efficientnet_lite_weights, residual
from trainer.models.networks.applications import Application
from trainer.models.networks.backbone import DEFAULT_INPUT_PX
from trainer.models.networks.download import PublishedWeights
from trainer.models.networks.efficientnet_lite import LITE0, LITE1, LITE2, EfficientNetLite
from trainer.models.spec import ModelEntry, Pretrained
from trainer.models.start import start_of

_KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


def _entry(application: Application, file: str, md5: str | None) -> ModelEntry:
    published = PublishedWeights(f"{_KERAS_URL}/{file}", md5)
    return ModelEntry(application.build, 0.2, 1e-3, Pretrained(published.find, application.load))


def _lite(network: EfficientNetLite) -> ModelEntry:
    find = partial(efficientnet_lite_weights.find_weights, network.name, network.digest)
    pretrained = Pretrained(find, efficientnet_lite_weights.load_weights)
    return ModelEntry(network.build, dropout=0.2, pretrained=pretrained)


MODELS = {
    "cnn2": ModelEntry(baselines.build_cnn2, dropout=0.5),
    "cnn4": ModelEntry(baselines.build_cnn4, dropout=0.2),
    "resnet_small": ModelEntry(residual.build, dropout=0.2),
    "efficientnet_lite0": _lite(LITE0),
    "efficientnet_lite1": _lite(LITE1),
    "efficientnet_lite2": _lite(LITE2),
    "mobilenetv2": _entry(
        Application("MobileNetV2", "tf"),
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        # keras.applications checks no digest of this file
        None,
    ),
    "efficientnetv2b0": _entry(
        Application("EfficientNetV2B0", "torch", grey_options={"include_preprocessing": False}),
        "efficientnet_v2/efficientnetv2-b0_notop.h5",
        "893217f2bb855e2983157299931e43ff",
    ),
    "densenet121": _entry(
        Application("DenseNet121", "torch"),
        "densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "30ee3e1110167f948a6b9946edeeb738",
    ),
    "densenet169": _entry(
        Application("DenseNet169", "torch"),
        "densenet/densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "b8c4d4c20dd625c148057b9ff1c1176b",
    ),
    "resnet50": _entry(
        Application("ResNet50", "caffe"),
        "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "resnet152": _entry(
        Application("ResNet152", "caffe"),
        "resnet/resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ee4c566cf9a93f14d82f913c2dc6dd0c",
    ),
    "inceptionv3": _entry(
        Application("InceptionV3", "tf", min_size_px=75),
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    "xception": _entry(
        Application("Xception", "tf", min_size_px=71),
        "xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "b0042744bf5b25fce3cb969f33bebb97",
    ),
}


def build_backbone(
    name: str, size_px: int, weights: str, input_px: int = DEFAULT_INPUT_PX
) -> keras.Model:
    """Build the backbone of a model as in `ModelEntry`, and load its initial weights.

    Raises:
        WeightsError: the weights are missing, damaged, or for another network.
    """
    backbone = MODELS[name].build(size_px, input_px)
    pretrained, path = MODELS[name].pretrained_for(weights), find_weights(name, weights)
    if pretrained and path:
        pretrained.load(backbone, path)
    return backbone


def require_weights(names: Iterable[str], weights: str) -> None:
    """Get the pretrained weights of models, or raise WeightsError, before any slow step."""
    for name in names:
        for network in list_networks(name):
            find_weights(network, weights)


def find_weights(name: str, weights: str) -> Path | None:
    """Return the file of a model's initial weights, downloaded if need be; None for random weights.

    Raises:
        WeightsError: it is missing, or needs far more memory than disk space.
    """
    pretrained = MODELS[name].pretrained_for(weights)
    if pretrained is None:
        return None
    if weights == "pretrained":
        return pretrained.find()
    path = start_of(weights) or as_path("weights", weights)
    if not path.is_file():
        raise WeightsError(
            "Expected weights to be pretrained, none or an existing file. "
            f"Received: weights={weights}"
        )
    _check_sizes(path)
    return path


def _check_sizes(path: Path) -> None:
    from trainer.models.model_file import check_sizes  # late, as it imports HDF5

    try:
        check_sizes(path)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"Expected a valid file of weights. Received: {reason} in {path}"
        ) from None
