"""Colour pictures whose channels are equal, such as screen captures of radiographs."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.pixels import processing

from shared.errors import ImageError
from shared.images.dicom.values import read_text
from shared.images.pixels import Pixels

COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "PALETTE COLOR")

# pydicom leaves array types unknown, so pyright would report every use
_pydicom: Any = processing
# In grey levels: JPEG rounds the channels of a grey picture differently.
_MOST_DIFFERENCE = 2


def to_grey(samples: npt.NDArray[Any], dataset: Dataset) -> Pixels:
    """Return the common channel of a colour picture, uint8 (height, width).

    Args:
        samples: samples of shape (height, width, 3) in RGB, or indices of a palette.

    Raises:
        ImageError: reason `colour` if the channels differ.
    """
    bits = int(dataset.BitsStored)
    if read_text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        samples = np.asarray(_pydicom.apply_color_lut(samples, dataset))
        bits = 8 * samples.dtype.itemsize
    if bits > 8:
        samples = samples >> samples.dtype.type(bits - 8)
    levels = samples[..., :3].astype(np.uint8)
    span = levels.max(axis=2) - levels.min(axis=2)
    if (most := int(span.max())) > _MOST_DIFFERENCE:
        raise ImageError("colour", f"the channels differ by up to {most} grey levels")
    return np.ascontiguousarray(levels[..., 1])
