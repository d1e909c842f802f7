"""EfficientNet-Lite (Tan and Le, https://arxiv.org/abs/1905.11946) for greyscale input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from trainer.keras_import import keras
from trainer.models.networks.backbone import DEFAULT_INPUT_PX, add_input, configure_batch_norm


class _Stage(NamedTuple):
    num_blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


# Lite0 in Google's version for phones (tensorflow/tpu, models/official/efficientnet/lite): no
# squeeze and excitation, ReLU6, stem and head of fixed width
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
# Global means of the last stages, of 112, 192 and 320 channels, are features too: radiographs
# differ from photographs in coarse texture, which earlier stages describe better.
_POOLED_STAGES = 3
# Added before the logarithm of the head's global means. They are means of ReLU6 outputs, 0 or
# more and skewed; their logarithms are closer to a normal distribution, and suit a linear head.
_LOG_OFFSET = 0.02
# the original network normalizes pixels as (x - 127) / 128
_MEAN, _SCALE = 127, 1 / 128
# filters are multiples of this number, as in the original
_FILTERS_OF = 8


@dataclass(frozen=True)
class EfficientNetLite:
    """A network of the family.

    Attributes:
        width: factor of the filters of Lite0.
        depth: factor of the blocks of Lite0, except in its first and last stage.
    """

    number: int
    digest: str
    width: float = 1.0
    depth: float = 1.0

    @property
    def name(self) -> str:
        """The key in the table of models."""
        return f"efficientnet_lite{self.number}"

    def build(
        self, size_px: int, input_px: int = DEFAULT_INPUT_PX, channels: int = 1
    ) -> keras.Model:
        """Build the network with random weights, from uint8 (batch, size, size, channels) images.

        The float32 embeddings (batch, 1904 for Lite0) are the global means of the last three
        stages, and the logarithms of the 1,280 global means of the head, the layer `pool`.
        """
        images, features = add_input(size_px, min(size_px, input_px), channels)
        features = keras.layers.Rescaling(_SCALE, -_MEAN * _SCALE, name="normalize")(features)
        features = _convolve(features, "conv_stem", "bn0", _STEM_FILTERS, kernel=3)
        index = 0
        means: list[Any] = []
        for number, stage in enumerate(self._stages()):
            for position in range(stage.num_blocks):
                # only the first block of a stage reduces the size
                block = stage if position == 0 else stage._replace(stride=1)
                features = _block(features, f"blocks.{index}", block)
                index += 1
            if number >= len(_STAGES) - _POOLED_STAGES:
                means.append(keras.layers.GlobalAveragePooling2D(name=f"pool.{number}")(features))
        features = _convolve(features, "conv_head", "bn1", _HEAD_FILTERS)
        pooled: Any = keras.layers.GlobalAveragePooling2D(name="pool")(features)
        embeddings = keras.layers.Concatenate(name="embedding")(
            [*means, keras.ops.log(pooled + _LOG_OFFSET)]
        )
        backbone = keras.Model(images, embeddings, name=self.name)
        configure_batch_norm(backbone, is_frozen=False)
        return backbone

    def _stages(self) -> list[_Stage]:
        first, *middle, last = (
            stage._replace(filters=_round_filters(stage.filters * self.width)) for stage in _STAGES
        )
        deep = [s._replace(num_blocks=math.ceil(s.num_blocks * self.depth)) for s in middle]
        return [first, *deep, last]


LITE0 = EfficientNetLite(0, "57934424")
LITE1 = EfficientNetLite(1, "77cc7160", depth=1.1)
LITE2 = EfficientNetLite(2, "9656183e", width=1.1, depth=1.2)


def _round_filters(filters: float) -> int:
    # as in the original: not by more than a tenth downwards
    rounded = int(filters + _FILTERS_OF / 2) // _FILTERS_OF * _FILTERS_OF
    return rounded if rounded >= 0.9 * filters else rounded + _FILTERS_OF


def _block(inputs: Any, name: str, stage: _Stage) -> Any:
    """Add an inverted residual block: expansion, depthwise convolution, projection, shortcut."""
    num_inputs, features = inputs.shape[-1], inputs
    if stage.expansion > 1:
        features = _convolve(
            features, f"{name}.expand_conv", f"{name}.bn0", num_inputs * stage.expansion
        )
    features = keras.layers.DepthwiseConv2D(
        stage.kernel, stage.stride, padding="same", use_bias=False, name=f"{name}.depthwise_conv"
    )(features)
    features = _normalize(features, f"{name}.bn1")
    features = keras.layers.ReLU(6, name=f"{name}.bn1.relu6")(features)
    project = keras.layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}.project_conv")
    features = _normalize(project(features), f"{name}.bn2")
    if stage.stride == 1 and num_inputs == stage.filters:
        features = keras.layers.Add(name=f"{name}.add")([features, inputs])
    return features


def _convolve(inputs: Any, name: str, norm_name: str, filters: int, kernel: int = 1) -> Any:
    stride = 1 if kernel == 1 else 2
    convolution = keras.layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, name=name
    )
    features = _normalize(convolution(inputs), norm_name)
    return keras.layers.ReLU(6, name=f"{norm_name}.relu6")(features)


def _normalize(features: Any, name: str) -> Any:
    # epsilon of the original TensorFlow network; PyTorch's default is 1e-5
    return keras.layers.BatchNormalization(epsilon=1e-3, name=name)(features)
