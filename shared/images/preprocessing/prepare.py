"""Preprocessing from decoded greyscale pixels to the image stored in a lake.

Ingest and prediction share this code, so models receive images prepared as in training.
"""

import cv2
import numpy as np

from shared.images.pixels import Pixels
from shared.images.preprocessing.contrast import change_contrast
from shared.images.preprocessing.crop import crop_to_field
from shared.images.preprocessing.encoding import decode, encode
from shared.images.preprocessing.markers import remove_markers
from shared.images.spec import ImageSpec


def prepare(grey: Pixels, spec: ImageSpec) -> Pixels:
    """Return the image that a lake of `spec` would give for these greyscale pixels.

    The steps are: crop, resize, paint over markers, adjust the contrast, pad with black, and for
    `jpeg` encode and decode. Images shrink by area interpolation and grow by bilinear
    interpolation.

    Args:
        grey: uint8 of any shape (height, width).

    Returns:
        uint8 of shape (size, size), contiguous; it may share memory with `grey`.
    """
    return prepare_and_encode(grey, spec)[0]


def prepare_and_encode(grey: Pixels, spec: ImageSpec) -> tuple[Pixels, bytes]:
    """Return the image from `prepare`, and the bytes that a lake stores for it."""
    if spec.crop == "field":
        grey = crop_to_field(grey)
    grey = _resize(grey, spec)
    if spec.mask == "markers":
        # on original grey levels: a marker must not decide on the contrast of the bone
        grey = remove_markers(grey)
    pixels = _pad(change_contrast(grey, spec.contrast), spec.size)
    stored = encode(pixels, spec)
    return (decode(stored, spec) if spec.encoding == "jpeg" else pixels), stored


def _resize(grey: Pixels, spec: ImageSpec) -> Pixels:
    height_px, width_px = grey.shape
    longer_px = max(height_px, width_px)
    if spec.fit == "stretch":
        target = (spec.size, spec.size)
    else:
        # multiply first: the rounding error of a quotient could move an exact half
        sides = (round(side * spec.size / longer_px) for side in (width_px, height_px))
        target = (max(1, next(sides)), max(1, next(sides)))
    if target == (width_px, height_px):
        return grey
    shrinks = target[0] * target[1] < width_px * height_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, target, interpolation=method), np.uint8)


def _pad(grey: Pixels, size_px: int) -> Pixels:
    height_px, width_px = grey.shape
    if (height_px, width_px) == (size_px, size_px):
        return np.ascontiguousarray(grey)
    top, left = (size_px - height_px) // 2, (size_px - width_px) // 2
    bottom, right = size_px - height_px - top, size_px - width_px - left
    padded = cv2.copyMakeBorder(grey, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0,))
    return np.asarray(padded, np.uint8)
