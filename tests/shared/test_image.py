"""Stored pixels are what OpenCV alone gives; broken files are refused with their reason."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from shared.errors import ImageError
from shared.image import decode_grey, read_png_header
from shared.image_spec import FITS, Fit, ImageSpec
from shared.prepare import prepare


def _encode(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def by_opencv_alone(path: Path, spec: ImageSpec) -> np.ndarray:
    """The expected pixels, written a second time from the spec with nothing of the project."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    height, width = grey.shape
    if spec.fit == "stretch":
        new_width = new_height = spec.size
    elif width >= height:
        new_width, new_height = spec.size, max(1, round(height * spec.size / width))
    else:
        new_width, new_height = max(1, round(width * spec.size / height)), spec.size
    smaller = new_width * new_height < width * height
    if (new_width, new_height) != (width, height):
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (new_width, new_height), interpolation=method)
    top, left = (spec.size - new_height) // 2, (spec.size - new_width) // 2
    bottom, right = spec.size - new_height - top, spec.size - new_width - left
    return cv2.copyMakeBorder(grey, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[0])


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(
    "shape", [(512, 300), (90, 512), (320, 320), (33, 47), (1, 512), (512, 1), (5, 3, 3)]
)
def test_pixels_are_those_of_opencv(fit: Fit, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    pixels = _noise(*shape[:2])
    path.write_bytes(_encode(np.dstack([pixels] * 3) if len(shape) == 3 else pixels))
    spec = ImageSpec(64, fit)
    stored = prepare(decode_grey(path.read_bytes()), spec)
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored, by_opencv_alone(path, spec))


def test_padding_keeps_aspect_and_centres() -> None:
    stored = prepare(np.full((200, 100), 255, np.uint8), ImageSpec(100, "pad"))
    assert (stored[:, 25:75] == 255).all()
    assert not stored[:, :25].any()
    assert not stored[:, 75:].any()


@pytest.mark.parametrize(
    ("pixels", "channels"), [(_noise(7, 9), 1), (_noise(7, 9, 3), 3), (_noise(7, 9, 4), 4)]
)
def test_the_header_tells_size_and_channels(pixels: np.ndarray, channels: int) -> None:
    header = read_png_header(_encode(pixels))
    assert (header.width_px, header.height_px, header.channels) == (9, 7, channels)


def test_every_cut_of_a_file_is_refused() -> None:
    encoded = _encode(_noise(12, 12))
    for length in range(len(encoded)):
        with pytest.raises(ImageError) as refusal:
            read_png_header(encoded[:length])
        assert refusal.value.reason in {"empty", "not_png", "truncated"}


def test_every_flipped_byte_of_a_file_is_refused() -> None:
    encoded = _encode(_noise(12, 12))
    for index in range(len(encoded)):
        damaged = bytearray(encoded)
        damaged[index] ^= 0x10
        with pytest.raises(ImageError):
            read_png_header(bytes(damaged))


def test_a_decompression_bomb_is_refused_before_decoding() -> None:
    header = (20_000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="too_large: 20000 x 20000"):
        read_png_header(bomb)


def test_text_is_no_image() -> None:
    with pytest.raises(ImageError, match="not_png"):
        read_png_header(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ImageError, match="undecodable"):
        decode_grey(b"no image")


def _chunk(kind: bytes, content: bytes) -> bytes:
    import zlib

    crc = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + crc
