"""The networks of keras.applications, with the first convolution folded for greyscale input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from shared.errors import WeightsError
from trainer.keras_import import keras
from trainer.models.networks.backbone import DEFAULT_INPUT_PX, add_input, configure_batch_norm

Array = npt.NDArray[Any]

# Each network was trained on RGB images with its own normalization, affine in each channel. For
# equal channels, channel c is a_c * g + b_c of one normalized grey image g. The first convolution
# is linear, so it needs two input channels instead of three: g, with the sum of the kernel over
# channels weighted by a; and a constant image of ones, with the sum weighted by b. The ones are an
# image rather than a bias, because padding adds zeros after normalization, and the padded border
# must stay zero. If all channels have the same normalization, b is 0 and g alone is enough. The
# features equal those of replicated RGB.


@dataclass(frozen=True)
class Application:
    """A network of keras.applications, up to its pooled features.

    Attributes:
        function: name of the constructor in keras.applications.
        mode: normalization, a mode of `preprocess_input`.
        grey_options: arguments of the constructor for input that is not RGB.
    """

    function: str
    mode: Literal["caffe", "tf", "torch"]
    # keras.applications rejects smaller images, so they are enlarged first
    min_size_px: int = 32
    grey_options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, size_px: int, input_px: int = DEFAULT_INPUT_PX) -> keras.Model:
        """Build the backbone with random weights; see `trainer.models.spec.ModelEntry`."""
        images, pixels = add_input(size_px, max(min(size_px, input_px), self.min_size_px))
        scale, offset = self._normalization()
        grey = keras.layers.Rescaling(scale.mean(), offset.mean(), name="normalize")(pixels)
        if self._channel_coefficients().shape[1] == 2:
            grey = keras.layers.Concatenate(name="with_ones")([grey, keras.ops.ones_like(grey)])
        network = self._call(input_tensor=grey, **self.grey_options)
        configure_batch_norm(network, is_frozen=False)
        return keras.Model(images, network.output, name=network.name)

    def load(self, backbone: keras.Model, path: Path) -> None:
        """Load RGB weights with the first kernel folded for grey, and freeze batch normalization.

        Args:
            path: a `notop` file of keras.applications (.h5), or such a network saved by Keras
                (.weights.h5, .keras).

        Raises:
            WeightsError: the file is damaged or has the weights of another network.
        """
        original = self._call()
        try:
            # reads arrays only: no code of a .keras file runs
            original.load_weights(path)
        except Exception as error:  # Keras and h5py raise many types for a damaged file
            raise WeightsError(
                f"Expected the weights of keras.applications' {self.function} without its top "
                "layers, in a file that ends in .h5, .weights.h5 or .keras. "
                f"Received: {' '.join(str(error).split())} in {path}"
            ) from None
        first, *others = (layer.get_weights() for layer in original.layers if layer.weights)
        # kernel axes: height, width, input channels, filters
        first[0] = np.einsum("hwcn,cm->hwmn", first[0], self._channel_coefficients())
        targets = [layer for layer in backbone.layers if layer.weights]
        for layer, weights in zip(targets, (first, *others), strict=True):
            layer.set_weights(weights)
        configure_batch_norm(backbone, is_frozen=True)

    def _call(self, **options: Any) -> keras.Model:
        function = getattr(keras.applications, self.function)
        return function(include_top=False, weights=None, pooling="avg", **options)

    def _normalization(self) -> tuple[Array, Array]:
        # an affine function is known from its values at 0 and 1
        black_and_grey = np.array([[[0.0] * 3, [1.0] * 3]])
        preprocess = keras.applications.imagenet_utils.preprocess_input
        offset, sum_of_both = preprocess(black_and_grey, mode=self.mode)[0]
        return sum_of_both - offset, offset

    def _channel_coefficients(self) -> Array:
        """Return the coefficients a and, if any is not zero, b of the channels: (3, 1 or 2)."""
        scale, offset = self._normalization()
        of_grey = scale / scale.mean()
        of_ones = offset - of_grey * offset.mean()
        return np.stack([of_grey, of_ones] if of_ones.any() else [of_grey], axis=1)
