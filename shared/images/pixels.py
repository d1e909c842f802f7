"""Type of greyscale images."""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""uint8 of shape (height, width), or with more dimensions where a docstring says so."""
