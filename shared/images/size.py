"""Limits on the image size, checked before decoding."""

from shared.errors import ImageError

# below are tracking pixels, icons and placeholders; above is the limit of JPEG, and that of libpng
# is not much higher
_MIN_SIDE_PX, _MAX_SIDE_PX = 16, 65_535
# four times the largest detectors' 4,288 x 3,524; a decompression bomb of a few kilobytes can
# request gigabytes, so the header is checked first
_MAX_PIXELS = 64 * 1024 * 1024


def check_size(width_px: int, height_px: int) -> None:
    """Refuse sizes that no radiograph has.

    Raises:
        ImageError: reason `corrupt` (a side of 0), `too_large` or `too_small`.
    """
    size = f"{width_px} x {height_px} pixels"
    if not width_px or not height_px:
        raise ImageError("corrupt", f"the header has {size}")
    if width_px * height_px > _MAX_PIXELS:
        raise ImageError("too_large", f"{size}; the limit is {_MAX_PIXELS}")
    if max(width_px, height_px) > _MAX_SIDE_PX:
        raise ImageError("too_large", f"{size}; the limit per side is {_MAX_SIDE_PX}")
    if min(width_px, height_px) < _MIN_SIDE_PX:
        raise ImageError("too_small", f"{size}; the minimum per side is {_MIN_SIDE_PX}")
