"""Encoding: the bytes that stand for an image in a record, and back."""

import cv2
import numpy as np

from shared.errors import CorruptLakeError
from shared.images.pixels import Pixels
from shared.images.spec import JPEG_QUALITY, ImageSpec

# of OpenCV's levels and strategies, run lengths alone made radiographs smallest, and quickly
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)


def encode(pixels: Pixels, spec: ImageSpec) -> bytes:
    """Return the bytes that a lake of `spec` stores for an image.

    Args:
        pixels: uint8 of shape (size, size).
        spec: of the lake; `raw` and `png` lose nothing, `jpeg` does.
    """
    if spec.encoding == "raw":
        return pixels.tobytes()
    suffix, parameters = (".png", _PNG) if spec.encoding == "png" else (".jpg", _JPEG)
    _, encoded = cv2.imencode(suffix, pixels, parameters)
    return encoded.tobytes()


def decode(stored: bytes | memoryview, spec: ImageSpec) -> Pixels:
    """Return the image that stored bytes stand for, uint8 of shape (size, size).

    Raw pixels are not copied, and so can only be read.

    Raises:
        CorruptLakeError: the bytes are no image of `spec`.
    """
    pixels = np.frombuffer(stored, np.uint8)
    if spec.encoding == "raw" and len(pixels) == spec.num_bytes:
        return pixels.reshape(spec.size, spec.size)
    if spec.encoding != "raw" and len(pixels):
        decoded = cv2.imdecode(pixels, cv2.IMREAD_GRAYSCALE)
        if np.shape(decoded) == (spec.size, spec.size):
            return np.asarray(decoded, np.uint8)
    raise CorruptLakeError(
        f"Expected an image of {spec.size} x {spec.size} pixels stored as {spec.encoding}. "
        f"Received: {len(pixels)} bytes of something else"
    )
