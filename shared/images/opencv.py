"""Decoding with OpenCV, with errors told apart."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shared.errors import ImageError


def decode_with_opencv(encoded: bytes, flags: int) -> npt.NDArray[Any]:
    """Decode with OpenCV; raise MemoryError, not ImageError, if it runs out of memory."""
    try:
        pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        raise ImageError("undecodable", f"OpenCV: error {error.code}") from None
    if pixels is None:  # pyright: ignore[reportUnnecessaryComparison]  # the stubs omit None
        raise ImageError("undecodable", "OpenCV cannot decode the file")
    return pixels
