"""Small pictures of radiographs for pages."""

import cv2

from shared.images.pixels import Pixels
from trainer.report.template import to_data_url

_SIDE_PX = 176
_QUALITY = 82


def to_thumbnail(pixels: Pixels) -> str:
    """Return a view, (size, size) or RGB (size, size, 3), as a small JPEG in a `data:` URL."""
    side = min(_SIDE_PX, len(pixels))
    # INTER_AREA shrinks without aliasing
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    if small.ndim == 3:
        # OpenCV expects BGR
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return to_data_url("jpeg", encoded.tobytes())
