"""Pictures: a heat map over its radiograph, and both side by side."""

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels

_COLOURS = "inferno"
"""Perceptually uniform, and as light as it is hot, so that it reads without colour vision too."""
_OPACITY = 0.6
_GAP_PX = 4


def overlay(
    image: Pixels, heat: npt.NDArray[np.float32], opacity: float = _OPACITY
) -> npt.NDArray[np.uint8]:
    """Return a radiograph with its heat map over it, the hotter, the less transparent.

    Args:
        image: uint8 (size, size).
        heat: from 0 to 1, (size, size).
        opacity: from 0 to 1, of the hottest place.

    Returns:
        RGB, uint8 (size, size, 3); where heat is 0, the radiograph as it is.
    """
    colours = mpl.colormaps[_COLOURS](heat)[..., :3] * 255
    alpha = opacity * heat[..., None]
    return np.rint((1 - alpha) * image[..., None] + alpha * colours).astype(np.uint8)


def side_by_side(image: Pixels, heat: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the radiograph and, right of it, the same under its heat map.

    Args:
        image: uint8 (size, size).
        heat: from 0 to 1, (size, size).

    Returns:
        RGB, uint8 (size, 2 * size + gap, 3); the gap is white.
    """
    original = np.repeat(image[..., None], 3, axis=2)
    gap = np.full((len(image), _GAP_PX, 3), 255, np.uint8)
    return np.concatenate([original, gap, overlay(image, heat)], axis=1)


def encode_png(picture: npt.NDArray[np.uint8]) -> bytes:
    """Return an RGB picture, uint8 (height, width, 3), as a PNG file."""
    return _encode(".png", picture, [])


def encode_jpeg(picture: npt.NDArray[np.uint8], quality: int = 85) -> bytes:
    """Return an RGB picture, uint8 (height, width, 3), as a JPEG file: a fifth of a PNG's bytes."""
    return _encode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, picture: npt.NDArray[np.uint8], settings: list[int]) -> bytes:
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    return encoded.tobytes()
