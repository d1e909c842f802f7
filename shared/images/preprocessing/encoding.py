"""Encoding of images as the bytes stored in a record, and decoding."""

import cv2
import numpy as np

from shared.errors import CorruptLakeError
from shared.images.pixels import Pixels
from shared.images.spec import JPEG_QUALITY, ImageSpec

# among OpenCV's levels and strategies, RLE gave the smallest radiographs, and quickly
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)


def encode(pixels: Pixels, spec: ImageSpec) -> bytes:
    """Encode an image, uint8 of shape (size, size); only `jpeg` is lossy."""
    if spec.encoding == "raw":
        return pixels.tobytes()
    suffix, parameters = (".png", _PNG) if spec.encoding == "png" else (".jpg", _JPEG)
    _, encoded = cv2.imencode(suffix, pixels, parameters)
    return encoded.tobytes()


def decode(stored: bytes | memoryview, spec: ImageSpec) -> Pixels:
    """Decode stored bytes to an image, uint8 of shape (size, size).

    Raw pixels are not copied, so the array is read-only.

    Raises:
        CorruptLakeError: the bytes are not an image of `spec`.
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
        f"Received: {len(pixels)} bytes that are not such an image"
    )
