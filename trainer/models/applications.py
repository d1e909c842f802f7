"""Applications: the networks of keras.applications; grey images enter without three copies.

Each was trained on RGB images in a normalization of its own, affine in each channel. Where the
three are equal, each is a * g + b of one normalized grey image g; and the first convolution, being
linear, sees the three through two: g by the sum of its kernel over channels weighted with a, and
ones by the sum weighted with b. The ones are an image too, so that zeros around the image stay
what they were: zeros after normalization. Where all channels are normalized alike, b is 0 and g is
enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from shared.errors import WeightsError
from trainer.models.backbone import MAX_SIZE_PX, enter, set_normalization

if TYPE_CHECKING:
    from pathlib import Path

    import keras

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Application:
    """A network of keras.applications, up to its pooled features.

    Attributes:
        function: the name of what builds it.
        mode: the normalization that it was trained with, as `preprocess_input` calls it.
        min_size_px: smaller images are made larger first.
        grey_options: what the function has to be told where it gets no RGB.
    """

    function: str
    mode: Literal["caffe", "tf", "torch"]
    min_size_px: int = 32
    grey_options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, size_px: int) -> keras.Model:
        """Build the backbone with random weights; see `trainer.models.spec.ModelEntry`."""
        import keras

        images, pixels = enter(size_px, min(max(size_px, self.min_size_px), MAX_SIZE_PX))
        scale, offset = self._normalization()
        grey = keras.layers.Rescaling(scale.mean(), offset.mean(), name="normalize")(pixels)
        if self._mixture().shape[1] == 2:
            grey = keras.layers.Concatenate(name="with_ones")([grey, keras.ops.ones_like(grey)])
        network = self._call(input_tensor=grey, **self.grey_options)
        set_normalization(network, is_pretrained=False)
        return keras.Model(images, network.output, name=network.name)

    def load(self, backbone: keras.Model, path: Path) -> None:
        """Load weights for RGB, the first kernel folded; freeze batch normalization.

        Args:
            backbone: as `build` returns it.
            path: what keras.applications publishes as `notop` (.h5), or what Keras saves of such a
                network (.weights.h5, .keras). Nothing but arrays is read of it.

        Raises:
            WeightsError: the file is damaged or has the weights of another network.
        """
        original = self._call()
        try:
            original.load_weights(path)
        except Exception as error:  # a damaged file may raise any
            raise WeightsError(
                f"Expected the weights of keras.applications' {self.function} without its top "
                "layers, in a file that ends in .h5, .weights.h5 or .keras. "
                f"Received: {' '.join(str(error).split())} in {path}"
            ) from None
        first, *others = (layer.get_weights() for layer in original.layers if layer.weights)
        first[0] = np.einsum("hwcn,cm->hwmn", first[0], self._mixture())
        targets = [layer for layer in backbone.layers if layer.weights]
        for layer, weights in zip(targets, (first, *others), strict=True):
            layer.set_weights(weights)
        set_normalization(backbone, is_pretrained=True)

    def _call(self, **options: Any) -> keras.Model:
        import keras

        function = getattr(keras.applications, self.function)
        return function(include_top=False, weights=None, pooling="avg", **options)

    def _normalization(self) -> tuple[Array, Array]:
        """Return scale and offset of each channel, float64 (3,), from pixels of 0 to 255."""
        from keras.applications.imagenet_utils import preprocess_input

        black_and_grey = np.array([[[0.0] * 3, [1.0] * 3]])
        (offset, sum_of_both) = preprocess_input(black_and_grey, mode=self.mode)[0]
        return sum_of_both - offset, offset

    def _mixture(self) -> Array:
        """Return what channels have of the grey image and, if any has, of ones: (3, 1 or 2)."""
        scale, offset = self._normalization()
        of_grey = scale / scale.mean()
        of_ones = offset - of_grey * offset.mean()
        return np.stack([of_grey, of_ones] if of_ones.any() else [of_grey], axis=1)
