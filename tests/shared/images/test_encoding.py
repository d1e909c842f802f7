"""Stored bytes are of the format that the spec names, and give the pixels back."""

import io
from typing import get_args

import numpy as np
import pytest
from matplotlib.image import imread

from shared.errors import CorruptLakeError
from shared.images.preprocessing.encoding import decode, encode
from shared.images.spec import Encoding, ImageSpec

SIZE_PX = 64


def _pixels() -> np.ndarray:
    ramp = np.linspace(0, 200, SIZE_PX) + np.linspace(0, 50, SIZE_PX)[:, None]
    return np.clip(ramp + np.random.default_rng(1).normal(0, 3, ramp.shape), 0, 255).astype("u1")


@pytest.mark.parametrize("encoding", ["raw", "png"])
def test_what_loses_nothing_gives_the_same_pixels(encoding: Encoding) -> None:
    spec = ImageSpec(SIZE_PX, encoding=encoding)
    stored = encode(_pixels(), spec)
    np.testing.assert_array_equal(decode(stored, spec), _pixels())
    np.testing.assert_array_equal(decode(memoryview(stored), spec), _pixels())


def test_raw_is_the_pixels_row_by_row() -> None:
    assert encode(_pixels(), ImageSpec(SIZE_PX)) == _pixels().tobytes()


def test_another_reader_sees_the_png() -> None:
    stored = encode(_pixels(), ImageSpec(SIZE_PX, encoding="png"))
    np.testing.assert_array_equal(np.rint(imread(io.BytesIO(stored)) * 255), _pixels())
    assert len(stored) < _pixels().size


def test_jpeg_is_near_and_the_same_each_time() -> None:
    spec = ImageSpec(SIZE_PX, encoding="jpeg")
    stored = encode(_pixels(), spec)
    decoded = decode(stored, spec)
    assert stored.startswith(b"\xff\xd8\xff")
    assert encode(_pixels(), spec) == stored
    np.testing.assert_array_equal(imread(io.BytesIO(stored), "jpg"), decoded)
    assert 0 < np.abs(decoded.astype(int) - _pixels()).mean() < 2


@pytest.mark.parametrize("encoding", get_args(Encoding))
def test_other_bytes_are_refused(encoding: Encoding) -> None:
    spec = ImageSpec(SIZE_PX, encoding=encoding)
    larger = np.zeros((SIZE_PX + 1, SIZE_PX), np.uint8)
    for stored in (b"", b"no image", encode(larger, spec)):
        with pytest.raises(CorruptLakeError, match=rf"64 x 64.*{encoding}.*{len(stored)} bytes"):
            decode(stored, spec)
