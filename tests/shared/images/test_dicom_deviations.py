"""Files that deviate from the standard in ways that were reported for other readers and viewers."""

import base64
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSNearLossless,
)

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from shared.images.pixels import Pixels
from tests.shared.images.dicom_files import make_dicom, write_dicom

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)
SMALL = np.linspace(0, 4095, 16 * 20).reshape(16, 20).astype(np.uint16)
SIGNED = RAMP.astype(np.int16) - 2048
EIGHT = (RAMP >> 4).astype(np.uint8)
WINDOW = {"WindowCenter": 2000, "WindowWidth": 3000}
CURVE = (np.linspace(0, 1, 4096) ** 2 * 4095).astype(np.uint16)
# SMALL, by OpenJPH and CharLS (with a deviation of up to 2), of which no decoder here can write
HTJ2K_SMALL = (
    "|4;u>04YEK0000K0000G00000000000000K0000G0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY8"
    "6Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000+W-OolfVEb1NH?6bO68r5`dxs"
    "hjakI01?0d6#yr508~;+{s7`M0KfnezyKAH00e+Y^AnQ*BuNqgnB)K<0OwW!`~l+tzyKAH00pf8091ftF|hpr|0cjM"
    "%oqR!0SEy=5C8-LKoCLx6h=~j?m4uX03cvMBWPagcL2ZuEjR!L(?9?%0I<j~0Am0cFbl9|U69H*B_J#S0002cKL7yy"
    "0}z0J0002+03dEc0WBmT1M~MQd(KAQ=h&9tb^!nY-~{iYU*OQcJ1-z8JpljN"
)
JPEG_LS_SMALL = (
    "|JeWN03cIPNk&Eh0ssI30000G0000K3J?YX0003j0003j|L6b+00001|JeWc01FTR5C9Yb0TBTI_y7$7|Nj6O08IfR"
    "06_oR00;pA00IC2pm10$92_`sI9NDv;KvLw!v&fR2?-J;NTP};qJmJAB?h!Y5`-lQLKP7a6%dwah>D1aiin7ch)!sT"
    "jU<yxB$6j2l1U_zNhFaurBzi`)f1Acs;aAtlmCCk$^U=i<o|#1a(@4OTwnit6Bqw~fs6lt!HfTI<p0?"
)


def _show(dataset: Dataset) -> Pixels:
    return decode_radiograph(write_dicom(dataset)).grey


EXPECTED = _show(make_dicom(RAMP, **WINDOW))


def _set(dataset: Dataset, **more: Any) -> Dataset:
    for name, value in more.items():
        setattr(dataset, name, value)
    return dataset


def _encapsulate(dataset: Dataset, syntax: UID, picture: bytes) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([picture])
    dataset["PixelData"].is_undefined_length = True
    return dataset


def _compress(samples: Any, **more: Any) -> Dataset:
    dataset = make_dicom(samples, **more)
    dataset.compress(JPEG2000Lossless)
    return dataset


def _table(first: int, vr: str, data: Any = None, bits: int = 12, data_vr: str = "OW") -> Dataset:
    table = Dataset()
    table.add_new("LUTDescriptor", vr, [4096, first, bits])
    table.add_new("LUTData", data_vr, CURVE.tobytes() if data is None else data)
    return table


HEADERS: dict[str, Callable[[], Dataset]] = {
    "empty values before a window": lambda: make_dicom(
        RAMP, WindowCenter=["", 2000], WindowWidth=["", 3000]
    ),
    "a window without a width before another": lambda: make_dicom(
        RAMP, WindowCenter=[100, 2000], WindowWidth=["", 3000]
    ),
    "more centres than widths": lambda: make_dicom(
        RAMP, WindowCenter=[2000, 100], WindowWidth=3000
    ),
    "slope 0": lambda: make_dicom(RAMP, RescaleSlope=0, RescaleIntercept=5, **WINDOW),
    "more bits stored than allocated": lambda: _set(
        make_dicom(RAMP, **WINDOW), BitsStored=32, HighBit=31
    ),
    "high bit without stored bits": lambda: make_dicom(RAMP, HighBit=0, **WINDOW),
    "no bits stored": lambda: _set(make_dicom(RAMP, **WINDOW), BitsStored=0),
    "signed JPEG 2000": lambda: _compress(
        SIGNED, PixelRepresentation=1, WindowCenter=-48, WindowWidth=3000
    ),
    "intensity relationship sign": lambda: make_dicom(
        RAMP, PixelIntensityRelationshipSign=-1, **WINDOW
    ),
    "32 bits": lambda: make_dicom(
        RAMP.astype(np.uint32) * 1000, 32, WindowCenter=2_000_000, WindowWidth=3_000_000
    ),
    "modality table and rescaling": lambda: make_dicom(
        RAMP,
        RescaleSlope=5,
        ModalityLUTSequence=[_table(0, "US", np.arange(4096, dtype=np.uint16).tobytes())],
        **WINDOW,
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_deviating_header_shows_the_same_picture(name: str) -> None:
    assert np.abs(_show(HEADERS[name]()).astype(int) - EXPECTED).max() <= 1


@pytest.mark.parametrize(
    ("samples", "more"),
    [
        # a first value with the other sign than its samples
        (SIGNED, {"VOILUTSequence": [_table(65_536 - 2048, "US")]}),
        (SIGNED, {"VOILUTSequence": [_table(-2048, "SS")]}),
        (RAMP + 40_000, {"VOILUTSequence": [_table(40_000 - 65_536, "SS")]}),
        (RAMP + 40_000, {"VOILUTSequence": [_table(40_000, "US")]}),
        (RAMP, {"RescaleIntercept": -1000, "VOILUTSequence": [_table(64_536, "US")]}),
        # output values that are written as signed
        (
            RAMP,
            {"VOILUTSequence": [_table(0, "US", (CURVE * 16).view("i2").tolist(), 16, "SS")]},
        ),
        # fewer bits than declared, and bytes in place of words
        (RAMP, {"VOILUTSequence": [_table(0, "US", None, 16)]}),
        (RAMP, {"VOILUTSequence": [_table(0, "US", (CURVE >> 4).astype("u1").tobytes(), 16)]}),
        # a window beside the table
        (RAMP, {"VOILUTSequence": [_table(0, "US")], **WINDOW}),
    ],
)
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_tables_of_other_signs_and_bits(
    samples: Any, more: dict[str, Any], syntax: UID | None
) -> None:
    is_signed = samples.dtype.kind == "i"
    dataset = make_dicom(samples, 16, PixelRepresentation=int(is_signed), **more)
    if syntax:
        dataset.file_meta.TransferSyntaxUID = syntax
    assert np.abs(_show(dataset) - CURVE[RAMP] * (255 / 4095)).max() <= 1


@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("planes", [None, 0, 1])
def test_colour_planes(interpretation: str, planes: int | None) -> None:
    levels = [EIGHT] * 3 if interpretation == "RGB" else [EIGHT, EIGHT * 0 + 128, EIGHT * 0 + 128]
    channels = np.stack(levels, axis=0 if planes else 2)
    if interpretation == "YBR_FULL_422":
        # two luminances and the common colour difference; planes are not defined
        pairs = EIGHT.reshape(-1, 2)
        channels, planes = np.hstack([pairs, np.full_like(pairs, 128)]), planes and 0
    dataset = make_dicom(EIGHT, 8, SamplesPerPixel=3, PhotometricInterpretation=interpretation)
    if planes is not None:
        dataset.PlanarConfiguration = planes
    dataset.PixelData = channels.tobytes()
    np.testing.assert_array_equal(_show(dataset), EIGHT)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_bytes_in_big_endian_words(vr: str) -> None:
    dataset = make_dicom(EIGHT, 8)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pixels = EIGHT.view("u2").byteswap() if vr == "OW" else EIGHT
    dataset.add_new("PixelData", vr, pixels.tobytes())
    np.testing.assert_array_equal(_show(dataset), EIGHT)


@pytest.mark.parametrize("padding", [b"", b"\0", bytes(1001)])
def test_an_odd_number_of_bytes(padding: bytes) -> None:
    odd = np.ascontiguousarray(EIGHT[:63, :47])
    encoded = write_dicom(_set(make_dicom(odd, 8), PixelData=odd.tobytes() + b"\0"))
    start = encoded.rindex(b"\xe0\x7f\x10\x00") + 8
    pixels = odd.tobytes() + padding
    encoded = encoded[:start] + len(pixels).to_bytes(4, "little") + pixels
    np.testing.assert_array_equal(decode_radiograph(encoded).grey, odd)


def test_single_bits() -> None:
    bits = EIGHT >> 7
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset = _set(make_dicom(bits, 1), BitsAllocated=1, PixelData=packed)
    np.testing.assert_array_equal(_show(dataset), bits * 255)


def test_pictures_of_8_bits_in_words_of_16() -> None:
    jpeg = cv2.imencode(".jpg", EIGHT, (cv2.IMWRITE_JPEG_QUALITY, 100))[1].tobytes()
    baseline = _encapsulate(make_dicom(EIGHT, 8), JPEGBaseline8Bit, jpeg)
    for dataset, most in ((baseline, 1), (_compress(EIGHT, bits=8), 0)):
        dataset.BitsAllocated = 16
        assert np.abs(_show(dataset).astype(int) - EIGHT).max() <= most


@pytest.mark.parametrize("signed", [False, True])
def test_lossy_compression_beyond_the_stored_bits_stays_white(signed: bool) -> None:
    squares = np.kron(np.indices((8, 6)).sum(0) % 2, np.ones((8, 8))) * 4095 - 2048 * signed
    samples = squares.astype(np.int16 if signed else np.uint16)
    window = {"WindowCenter": 2048 - 2048 * signed, "WindowWidth": 4096}
    dataset = make_dicom(samples, 16, PixelRepresentation=int(signed), **window)
    dataset.compress(JPEG2000, j2k_cr=[8])
    dataset.BitsStored, dataset.HighBit = 12, 11
    difference = np.abs(_show(dataset).astype(int) - (squares > squares.mean()) * 255)
    assert 0 < difference.max() < 128


@pytest.mark.parametrize(
    ("syntax", "picture", "most"),
    [(HTJ2KLossless, HTJ2K_SMALL, 0), (JPEGLSNearLossless, JPEG_LS_SMALL, 1)],
)
def test_pictures_of_other_encoders(syntax: UID, picture: str, most: int) -> None:
    dataset = _encapsulate(make_dicom(SMALL, **WINDOW), syntax, base64.b85decode(picture))
    expected = _show(make_dicom(SMALL, **WINDOW))
    assert np.abs(_show(dataset).astype(int) - expected).max() <= most


def test_unknown_compression_is_refused() -> None:
    dataset = _encapsulate(make_dicom(RAMP), HTJ2KLossless, b"\xff\x0a" + bytes(100))
    # JPEG XL, lossless
    encoded = write_dicom(dataset).replace(HTJ2KLossless.encode(), b"1.2.840.10008.1.2.4.110")
    with pytest.raises(ImageError, match=r"^undecodable: pydicom, unknown transfer syntax"):
        decode_radiograph(encoded)


@pytest.mark.parametrize(
    ("more", "notes"),
    [
        ({"PixelAspectRatio": [6, 5]}, ("pixels of 1.2 : 1 are displayed as squares",)),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, ("pixels of 2 : 1 are displayed as squares",)),
        ({"PixelSpacing": [0.1391, 0.139], "PixelAspectRatio": [2, 1]}, ()),
        ({"PixelSpacing": [0, 0]}, ()),
        ({"PixelSpacing": None, "PixelAspectRatio": [1, 1]}, ()),
    ],
)
def test_pixels_that_are_not_square_are_noted(more: dict[str, Any], notes: tuple[str]) -> None:
    radiograph = decode_radiograph(write_dicom(make_dicom(RAMP, **WINDOW, **more)))
    np.testing.assert_array_equal(radiograph.grey, EXPECTED)
    assert radiograph.notes == notes


def test_an_identity_table_changes_nothing() -> None:
    table = _table(0, "US", np.arange(4096, dtype=np.uint16).tobytes())
    for more in (WINDOW, {}):
        expected = _show(make_dicom(RAMP, **more))
        np.testing.assert_array_equal(
            _show(make_dicom(RAMP, ModalityLUTSequence=[table], **more)), expected
        )


def test_monochrome1_is_inverted_whatever_the_presentation_shape() -> None:
    # some devices write MONOCHROME1 with IDENTITY, where INVERSE is required (C.8.11.3.1.2)
    for shape in ("IDENTITY", "INVERSE", None):
        dataset = make_dicom(
            RAMP, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape=shape, **WINDOW
        )
        np.testing.assert_array_equal(_show(dataset), 255 - EXPECTED)
