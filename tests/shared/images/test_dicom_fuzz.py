"""Whatever is damaged of a DICOM file, it gives a picture or an ImageError, within bounds."""

import random
import struct
import time
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from shared.errors import ImageError
from shared.images.dicom.decode import decode_dicom
from tests.shared.images.dicom_files import make_dicom, write_dicom
from tests.shared.images.lossless_jpeg import encode_lossless_jpeg

NUM_FILES, MOST_S = 6, 5
"""Of each base; and of each file, on a busy machine."""
RAMP = np.linspace(0, 4095, 40 * 32).reshape(40, 32).astype(np.uint16)
DISPLAY = {"RescaleSlope": -1, "RescaleIntercept": 4095, "WindowCenter": 2000, "WindowWidth": 3000}
SHUTTER = {"ShutterShape": ["CIRCULAR", "POLYGONAL"], "CenterOfCircularShutter": [20, 16]}
SHUTTER |= {"RadiusOfCircularShutter": 15, "VerticesOfThePolygonalShutter": [1, 1, 1, 32, 40, 9]}
COLOURS = ("Red", "Green", "Blue")
PALETTE: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
PALETTE |= {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in COLOURS}
LEVELS = (np.arange(256, dtype=np.uint16) * 257).tobytes()
PALETTE |= {f"{name}PaletteColorLookupTableData": LEVELS for name in COLOURS}
PIXELS, BIG_ENDIAN_PIXELS = b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10"
SHIPPED = ("MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm")
BASES = ("window", "sigmoid", "VOI LUT", "implicit", "big endian", "deflated", "RLE", "JPEG")
BASES += ("JPEG lossless", "JPEG 2000", "shutter", "palette", "frames", "no preamble")
BASES += SHIPPED
NUMBERS = (b"-1", b"0", b"nan", b"-inf", b"1e308", b"-1e-30", b"99999", b"", b"x", b"1\\2")
WORDS = (
    b"SQ",
    b"UN",
    b"OB",
    b"DS",
    b"\xff\xff\xff\xff",
    bytes(4),
    b"\xfe\xff\x00\xe0",
    b"\xff\xd9",
)


@cache
def bases() -> dict[str, bytes]:
    """Return a small file of each transfer syntax, and some ways of displaying."""
    eight = (RAMP >> 4).astype(np.uint8)
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.LUTData = np.arange(4096, dtype=np.uint16).tobytes()
    table["LUTData"].VR = "OW"
    plain = {
        "window": make_dicom(RAMP, **DISPLAY),
        "sigmoid": make_dicom(RAMP, VOILUTFunction="SIGMOID", PixelPaddingValue=0, **DISPLAY),
        "shutter": make_dicom(RAMP, PixelPaddingRangeLimit=9, PixelPaddingValue=0, **SHUTTER),
        "palette": make_dicom(eight, 8, **PALETTE),
        "VOI LUT": make_dicom(RAMP, VOILUTSequence=[table]),
        "implicit": _in(ImplicitVRLittleEndian, make_dicom(RAMP, **DISPLAY)),
        "big endian": _in(ExplicitVRBigEndian, make_dicom(RAMP.byteswap(), **DISPLAY)),
        "deflated": _in(DeflatedExplicitVRLittleEndian, make_dicom(RAMP, **DISPLAY)),
        "JPEG": _with_picture(JPEGBaseline8Bit, 8, cv2.imencode(".jpg", eight)[1].tobytes()),
        "JPEG lossless": _with_picture(JPEGLosslessSV1, 12, encode_lossless_jpeg(RAMP, 12)),
    }
    for name, syntax in (("RLE", RLELossless), ("JPEG 2000", JPEG2000Lossless)):
        plain[name] = make_dicom(RAMP, **DISPLAY)
        plain[name].compress(syntax)
    plain["frames"] = _make_frames(JPEG2000Lossless)
    preamble = {"no preamble": write_dicom(plain["window"])[132:]}
    shipped = {name: str(get_testdata_file(name, download=False)) for name in SHIPPED}
    return (
        {name: write_dicom(dataset) for name, dataset in plain.items()}
        | preamble
        | {name: Path(path).read_bytes() for name, path in shipped.items()}
    )


def _make_frames(syntax: UID) -> Dataset:
    """Return an object of three frames, with an extended offset table and functional groups."""
    window, group = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 2000, 3000
    group.FrameVOILUTSequence = [window]
    frames = make_dicom(np.stack([RAMP] * 3), NumberOfFrames=3, RepresentativeFrameNumber=2)
    frames.compress(syntax, encapsulate_ext=True)
    frames.PerFrameFunctionalGroupsSequence = [Dataset(), group]
    return frames


def _in(syntax: UID, dataset: Dataset) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _with_picture(syntax: UID, bits: int, picture: bytes) -> Dataset:
    samples = (RAMP >> 4).astype(np.uint8) if bits == 8 else RAMP
    dataset = _in(syntax, make_dicom(samples, bits))
    dataset.PixelData = encapsulate([picture])
    dataset["PixelData"].is_undefined_length = True
    return dataset


def _spoil(content: bytes, rng: random.Random, start: int, stop: int) -> bytes:
    """Change a few bytes between `start` and `stop`."""
    spoilt = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 12))):
        at, length = rng.randrange(start, max(stop, start + 1)), rng.choice((1, 1, 2, 4, 30))
        how = rng.randrange(7)
        if how < 2 and at < len(spoilt):
            spoilt[at] ^= 1 << rng.randrange(8)
        elif how < 4:
            word = rng.choice((*WORDS, rng.randbytes(length)))
            spoilt[at : at + len(word)] = word
        elif how == 4:
            spoilt[at : at + length] = rng.randbytes(length)
        elif how == 5:
            del spoilt[at : at + length]
        else:
            spoilt[at:at] = spoilt[at : at + length]
    return bytes(spoilt)


def _change_number(content: bytes, rng: random.Random) -> bytes:
    """Change the value of an element of group 0028, its length fitting."""
    starts = [at for at in range(132, len(content) - 8) if content[at : at + 2] == b"\x28\x00"]
    at = rng.choice(starts or [132])
    kind, (length,) = content[at + 4 : at + 6], struct.unpack_from("<H", content, at + 6)
    if kind == b"US":
        number = rng.choice((0, 1, 7, 8, 12, 16, 17, 32, 64, 255, 65535, rng.randrange(65536)))
        return content[: at + 8] + struct.pack("<H", number) + content[at + 10 :]
    value = rng.choice(NUMBERS)
    value += b" " * (len(value) % 2)
    head = content[: at + 6] + struct.pack("<H", len(value))
    return head + value + content[at + 8 + length :]


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Damage a DICOM file: its elements, the numbers among them, or its compressed picture."""
    pixels = max(content.rfind(PIXELS), content.rfind(BIG_ENDIAN_PIXELS))
    if pixels < 0:
        return _mutate_deflated(content, rng)
    how = rng.randrange(10)
    if how < 3:
        return _change_number(content, rng)
    if how < 5:
        return _spoil(content, rng, 132, pixels)
    if how < 7:
        return _spoil(content, rng, pixels, min(pixels + 200, len(content)))
    if how < 9:
        return _spoil(content, rng, pixels, len(content))
    return content[: rng.randrange(132, len(content))]


def _mutate_deflated(content: bytes, rng: random.Random) -> bytes:
    end = 144 + struct.unpack_from("<I", content, 140)[0]
    if rng.randrange(3) == 0:
        return _spoil(content, rng, end, len(content))
    elements = mutate(bytes(132) + zlib.decompress(content[end:], -15), rng)[132:]
    return content[:end] + zlib.compress(elements)[2:-4]


@pytest.mark.parametrize("name", BASES)
def test_a_damaged_file_gives_a_picture_or_is_refused(name: str) -> None:
    assert len(np.unique(decode_dicom(bases()[name]).grey)) > 30
    for seed in range(NUM_FILES):
        encoded = mutate(bases()[name], random.Random(f"{name} {seed}"))
        started_s = time.process_time()
        try:
            grey = decode_dicom(encoded).grey
        except ImageError:
            grey = None
        assert time.process_time() - started_s < MOST_S
        assert grey is None or grey.min() < grey.max()
