"""The depth of 16-bit samples is found, and no picture becomes dark."""

import numpy as np
import pytest

from shared.errors import ImageError
from shared.images.depth import find_depth, to_8_bits
from shared.images.spec import Depth

RAMP = np.linspace(0, 1, 1000)


@pytest.mark.parametrize(
    ("maximum", "depth"),
    [(255, "8"), (256, "10"), (1023, "10"), (1024, "12"), (16_383, "14"), (65_535, "16")],
)
def test_the_smallest_depth_that_holds_a_sample(maximum: int, depth: Depth) -> None:
    assert find_depth(maximum) == depth
    samples = np.rint(RAMP * maximum).astype(np.uint16)
    for given in (depth, "file"):
        grey = to_8_bits(samples, given)
        assert grey.max() == maximum >> (int(depth) - 8)
        assert (np.diff(grey.astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("maximum", "depth", "reason"),
    [
        (4095, "auto", "depth_unknown"),
        (4095, "10", "beyond_depth"),
        (16_383, "16", "unscaled_16_bit"),
        (1023, "12", "unscaled_16_bit"),
        (0, "auto", "blank"),
        (0, "file", "blank"),
    ],
)
def test_other_samples_are_refused(maximum: int, depth: Depth, reason: str) -> None:
    with pytest.raises(ImageError, match=rf"^{reason}: "):
        to_8_bits(np.rint(RAMP * maximum).astype(np.uint16), depth)
