"""The number of bits that the samples of 16-bit PNG files use."""

import numpy as np
import numpy.typing as npt

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.spec import Depth

# reason of a 16-bit PNG with depth=auto; the detail is the depth of the file alone
UNKNOWN_DEPTH = "depth_unknown"

# detectors have 8 to 16 bits, in steps of two
_FOUND: tuple[Depth, ...] = ("8", "10", "12", "14", "16")
# a picture whose maximum is below 1/4 of the range is refused: all its grey levels are below 64,
# as of 14-bit samples that are read as 16 bits
_DARK_BITS = 2


def find_depth(maximum: int) -> Depth:
    """Return the smallest depth whose range includes a sample."""
    return next(depth for depth in _FOUND if maximum < 2 ** int(depth))


def to_8_bits(samples: npt.NDArray[np.uint16], depth: Depth) -> Pixels:
    """Reduce 16-bit samples (uint16) that use `depth` bits to their 8 highest bits.

    Raises:
        ImageError: reason `blank`, `depth_unknown` with `auto`, `unscaled_16_bit` if the picture
            would be dark, or `beyond_depth` if a sample has more bits.
    """
    maximum = int(samples.max())
    found = find_depth(maximum)
    if maximum == int(samples.min()):
        # before the depth, which a blank picture does not show
        raise ImageError("blank", f"all 16-bit samples are {maximum}")
    if depth == "auto":
        raise ImageError(UNKNOWN_DEPTH, found)
    bits = int(found if depth == "file" else depth)
    detail = f"the maximum of the 16-bit samples is {maximum}, with depth={bits}"
    if maximum >= 2**bits:
        raise ImageError("beyond_depth", detail)
    if bits > 8 and maximum < 2 ** (bits - _DARK_BITS):
        raise ImageError("unscaled_16_bit", detail)
    # dropping low bits is the simpler of the two methods in the PNG specification (13.12)
    return (samples >> (bits - 8)).astype(np.uint8)
