"""Pictures of a radiograph with its heat map, as an overlay or side by side."""

import cv2
import numpy as np
import numpy.typing as npt

from shared.images.pixels import Pixels

# a perceptually uniform colour map with rising lightness, readable without colour vision
_COLOURS = cv2.COLORMAP_INFERNO
_OPACITY = 0.6
_GAP_PX = 4


def overlay(
    image: Pixels, heat: npt.NDArray[np.float32], opacity: float = _OPACITY
) -> npt.NDArray[np.uint8]:
    """Return a radiograph blended with its heat map, RGB, uint8 (size, size, 3).

    Args:
        image: uint8 (size, size).
        heat: 0 to 1, (size, size).
        opacity: opacity at heat 1; it is proportional to heat.
    """
    # OpenCV returns BGR
    colours = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), _COLOURS)[..., ::-1]
    alpha = opacity * heat[..., None]
    return np.rint((1 - alpha) * image[..., None] + alpha * colours).astype(np.uint8)


def side_by_side(image: Pixels, heat: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the radiograph, a white gap, and its overlay, RGB, uint8 (size, 2 size + gap, 3)."""
    original = np.repeat(image[..., None], 3, axis=2)
    gap = np.full((len(image), _GAP_PX, 3), 255, np.uint8)
    return np.concatenate([original, gap, overlay(image, heat)], axis=1)


def encode_png(picture: npt.NDArray[np.uint8]) -> bytes:
    """Return an RGB picture, uint8 (height, width, 3), as a PNG file."""
    # OpenCV expects BGR
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def encode_jpeg(picture: npt.NDArray[np.uint8], quality: int) -> bytes:
    """Return an RGB picture, uint8 (height, width, 3), as a JPEG file, a fifth of a PNG's size."""
    settings = (cv2.IMWRITE_JPEG_QUALITY, quality)
    return cv2.imencode(".jpg", picture[..., ::-1], settings)[1].tobytes()
