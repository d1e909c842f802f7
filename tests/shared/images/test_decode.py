"""A file becomes the right grey pixels, or is refused with the right reason; nothing else."""

import subprocess
import sys
import time
import zlib

import numpy as np
import pytest

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from tests.commands import PROJECT
from tests.shared.images.image_files import GREY, ImageFile, image_files, picture, pillow
from tests.shared.images.make_png import chunk, filtered_rows, png


@pytest.mark.parametrize("file", [file for file in image_files() if not file.reason], ids=repr)
def test_a_good_file_has_these_pixels(file: ImageFile) -> None:
    radiograph = decode_radiograph(file.encoded)
    assert file.grey is not None
    np.testing.assert_array_equal(radiograph.grey, file.grey)
    assert radiograph.grey.dtype == np.uint8
    assert (radiograph.width_px, radiograph.height_px) == file.size
    assert radiograph.channels == file.channels


@pytest.mark.parametrize("file", [file for file in image_files() if file.reason], ids=repr)
def test_a_bad_file_is_refused_for_this_reason(file: ImageFile) -> None:
    with pytest.raises(ImageError) as refusal:
        decode_radiograph(file.encoded)
    assert refusal.value.reason == file.reason, refusal.value
    assert "\n" not in str(refusal.value)


def test_a_preset_dictionary_is_named() -> None:
    deflater = zlib.compressobj(zdict=b"any")
    stream = deflater.compress(filtered_rows(GREY)) + deflater.flush()
    with pytest.raises(ImageError, match="needs a preset dictionary, which PNG forbids"):
        decode_radiograph(png(GREY, stream=stream))


def test_grey_of_colour_is_luma() -> None:
    for top, depth in ((255, 8), (65535, 16)):
        colour = picture(3, top=top)
        luma = colour @ np.array([0.299, 0.587, 0.114]) * 255 / top
        assert np.abs(decode_radiograph(png(colour, 2, depth)).grey - luma).max() < 1.1


@pytest.mark.parametrize("name", ["png grey", "jpeg progressive rgb"])
def test_every_cut_of_a_file_is_refused(name: str) -> None:
    encoded = next(file.encoded for file in image_files() if file.name == name)
    for length in range(len(encoded)):
        with pytest.raises(ImageError) as refusal:
            decode_radiograph(encoded[:length])
        assert refusal.value.reason == ("truncated" if length else "empty")


def test_every_flipped_byte_of_a_png_is_refused() -> None:
    encoded = png(GREY[:20, :20])
    for index in range(len(encoded)):
        damaged = bytearray(encoded)
        damaged[index] ^= 0x10
        with pytest.raises(ImageError):
            decode_radiograph(bytes(damaged))


def _slow_files() -> dict[str, tuple[bytes, str]]:
    jpeg = pillow(GREY, "JPEG", progressive=True)
    scan = jpeg.index(b"\xff\xda")
    plain = png(GREY)
    return {
        "fill bytes in a scan": (jpeg[:-2] + b"\xff" * 2**20 + b"\0", "truncated"),
        "scans": (jpeg[:-2] + jpeg[scan : scan + 10] * 100_000 + b"\xff\xd9", "too_large"),
        "chunks": (plain[:33] + chunk(b"tEXt") * 300_000 + plain[33:], "too_large"),
    }


@pytest.mark.parametrize("name", _slow_files())
def test_no_file_takes_long(name: str) -> None:
    encoded, reason = _slow_files()[name]
    started_s = time.process_time()
    with pytest.raises(ImageError) as refusal:
        decode_radiograph(encoded)
    assert refusal.value.reason == reason, refusal.value
    assert time.process_time() - started_s < 2


_DECODE_ALL = """
import resource
from shared.images.decode import decode_radiograph
from shared.errors import ImageError
from tests.shared.images.image_files import image_files

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

files, before = image_files(), peak_mib()
for file in files:
    try:
        decode_radiograph(file.encoded)
    except ImageError:
        pass
print(peak_mib() - before)
"""


def test_no_file_takes_memory_or_makes_a_decoder_speak() -> None:
    done = _python(_DECODE_ALL)
    assert done.returncode == 0
    assert done.stderr == ""
    assert float(done.stdout) < 50


_DECODE_IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import cv2
from shared.images.decode import decode_radiograph
from tests.shared.images.image_files import GREY, png, pillow

cv2.setNumThreads(1)
large = cv2.resize(GREY, (3000, 3000), interpolation=cv2.INTER_NEAREST)
encoded = png(large) if sys.argv[1] == "png" else pillow(large, "JPEG")
decode_radiograph(encoded[:0] + png(GREY))
del large
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
for more_mib in range(0, 64, 2):
    resource.setrlimit(resource.RLIMIT_AS, (in_use + more_mib * 2**20, resource.RLIM_INFINITY))
    try:
        decode_radiograph(encoded)
        print("decoded")
    except MemoryError:
        print("too little")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory")
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_want_of_memory_is_no_fault_of_the_file(kind: str) -> None:
    done = _python(_DECODE_IN_LITTLE_MEMORY, kind)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert set(done.stdout.split("\n")) >= {"decoded", "too little"}


def _python(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
