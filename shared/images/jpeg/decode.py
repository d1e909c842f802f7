"""Decoding of JPEG files after the checks of `shared.images.jpeg.structure`."""

import cv2
import numpy as np
import simplejpeg  # pyright: ignore[reportMissingTypeStubs]  # the package has no stubs

from shared.errors import ImageError
from shared.images.jpeg.structure import read_jpeg
from shared.images.orientation import EXIF_START, make_exif
from shared.images.parser import decode_with_opencv
from shared.images.radiograph import Radiograph


def decode_jpeg(encoded: bytes) -> Radiograph:
    """Decode a JPEG; the greyscale image is the Y channel.

    Raises:
        ImageError: reason `corrupt` or `undecodable`, or those of `read_jpeg`.
    """
    header = read_jpeg(encoded)
    encoded = encoded[: header.size_bytes]
    # For damaged data, libjpeg prints a warning to standard error and fills in pixels, which OpenCV
    # returns. simplejpeg uses the same libjpeg-turbo and raises an error. JPEG has no checksum, so
    # a changed bit that leaves the stream valid cannot be detected.
    try:
        simplejpeg.decode_jpeg(encoded, "GRAY", strict=True)  # pyright: ignore[reportUnknownMemberType]  # no stubs
    except ValueError as error:
        if "memory" in str(error).lower():
            raise MemoryError(str(error)) from None
        raise ImageError("corrupt", f"libjpeg-turbo: {error}") from None
    if header.xmp_orientation:
        exif = EXIF_START + make_exif(header.xmp_orientation)
        segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
        encoded = encoded[:2] + segment + encoded[2:]
    grey = np.asarray(decode_with_opencv(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return Radiograph(grey, header.width_px, header.height_px, header.channels)
