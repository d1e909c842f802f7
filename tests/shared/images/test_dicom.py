"""DICOM files become the grey pixels that a workstation would show, or are refused.

Files that other programs wrote come from pydicom's package.
"""

import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    MPEG4HP41,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    RLELossless,
)

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from shared.images.formats import is_dicom
from shared.images.pixels import Pixels
from tests.shared.images.dicom_files import make_dicom, write_dicom
from tests.shared.images.lossless_jpeg import encode_lossless_jpeg

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)
JPEG = encode_lossless_jpeg(RAMP, 12)


def _encode(samples: Any, bits: int = 12, **more: Any) -> bytes:
    return write_dicom(make_dicom(samples, bits, **more))


def _show(encoded: bytes) -> Pixels:
    return decode_radiograph(encoded).grey


def _encapsulate(dataset: Dataset, syntax: UID, picture: bytes) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([picture])
    dataset["PixelData"].is_undefined_length = True
    return write_dicom(dataset)


def _decode_shipped(name: str) -> Pixels:
    path = get_testdata_file(name, download=False)
    assert path
    return _show(Path(str(path)).read_bytes())


def _stretch(values: Any) -> Any:
    """Return values with 0.5 % of them at black and at white, as without a window."""
    low, high = np.percentile(values, (0.5, 99.5), method="inverted_cdf")
    return np.rint(np.clip((values - float(low)) / (float(high) - low), 0, 1) * 255)


def test_more_bits_are_stretched_and_monochrome1_is_inverted() -> None:
    encoded = _encode(RAMP)
    assert is_dicom(encoded)
    grey = _show(encoded)
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, _stretch(RAMP))
    inverted = _show(_encode(RAMP, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(inverted, 255 - grey)


def test_a_window_clips_and_spans_the_whole_range() -> None:
    grey = _show(_encode(RAMP, WindowCenter=2000, WindowWidth=1000))
    assert (grey[RAMP <= 1500] == 0).all()
    assert (grey[RAMP >= 2500] == 255).all()
    # linear in between, after the formula of PS3.3 C.11.2.1.2.1
    inside = (RAMP > 1500) & (RAMP < 2499)
    expected = ((RAMP[inside] - 1999.5) / 999 + 0.5) * 255
    assert np.abs(grey[inside] - expected).max() <= 0.51


def test_a_window_holds_after_rescaling() -> None:
    rescaled = _encode(
        RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=2000
    )
    plain = _encode(RAMP, WindowCenter=2000, WindowWidth=1000)
    difference = _show(rescaled).astype(int) - _show(plain)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("slope", "intercept"), [(-1, 4095), (-2, 5000), (2, -3000), (1, 0)])
def test_a_window_is_on_modality_values_whatever_the_slope(
    function: str, interpretation: str, slope: int, intercept: int
) -> None:
    window = {"WindowCenter": 1200, "WindowWidth": 1800, "VOILUTFunction": function}
    rescaling = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    grey = _show(_encode(RAMP, PhotometricInterpretation=interpretation, **rescaling, **window))
    # PS3.3, C.11.2.1.2.1 and C.11.2.1.3, with an output range of 0 to 255
    values = RAMP.astype(np.float64) * slope + intercept
    expected = {
        "LINEAR": ((values - 1199.5) / 1799 + 0.5) * 255,
        "LINEAR_EXACT": ((values - 1200) / 1800 + 0.5) * 255,
        "SIGMOID": 255 / (1 + np.exp(-4 * (values - 1200) / 1800)),
    }[function].clip(0, 255)
    if interpretation == "MONOCHROME1":
        expected = 255 - expected
    assert grey.std() > 30
    assert np.abs(grey - expected).max() <= 0.51


def test_signed_samples_and_a_width_under_1_are_windowed() -> None:
    signed = RAMP.astype(np.int16) - 2048
    more = {"PixelRepresentation": 1, "WindowCenter": -48, "WindowWidth": 1000}
    expected = _show(_encode(RAMP, WindowCenter=2000, WindowWidth=1000))
    np.testing.assert_array_equal(_show(_encode(signed, **more)), expected)
    tiny = {"RescaleSlope": "0.0001", "RescaleIntercept": 0}
    narrow = _show(_encode(RAMP, **tiny, WindowCenter="0.2", WindowWidth="0.1"))
    assert np.abs(narrow.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "more",
    [
        {"RescaleSlope": 0, "RescaleIntercept": 7},
        {"RescaleSlope": "nan", "RescaleIntercept": 0},
        {"RescaleSlope": "1e308", "RescaleIntercept": 0},
        {"RescaleSlope": 1, "RescaleIntercept": "-inf"},
        {"WindowCenter": 60_000, "WindowWidth": 10},
        {"WindowCenter": -60_000, "WindowWidth": 10, "PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": -60_000, "WindowWidth": 10, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": "nan", "WindowWidth": 100},
        {"WindowCenter": 2_000, "WindowWidth": "nan"},
        {"WindowCenter": 2_000, "WindowWidth": "inf"},
        {"WindowCenter": 2_000, "WindowWidth": -5},
        {"WindowCenter": b"x", "WindowWidth": 5},
        {"VOILUTSequence": [Dataset()]},
        {"ModalityLUTSequence": [Dataset()]},
    ],
)
def test_a_display_that_shows_nothing_gives_way_to_the_stretch(more: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = make_dicom(RAMP, **{name: v for name, v in more.items() if v != b"x"})
        if b"x" in more.values():
            dataset.add_new("WindowCenter", "LO", "x")
        encoded = write_dicom(dataset)
    radiograph = decode_radiograph(encoded)
    expected = _stretch(RAMP)
    if more.get("PhotometricInterpretation"):
        expected = 255 - expected
    np.testing.assert_array_equal(radiograph.grey, expected)
    assert len(radiograph.notes) == 1
    assert "is not applied" in radiograph.notes[0]


def test_nothing_but_padding_is_blank() -> None:
    with pytest.raises(ImageError, match=r"^blank: all pixels are padding"):
        _show(_encode(RAMP, PixelPaddingValue=0, PixelPaddingRangeLimit=4095))


@pytest.mark.parametrize("level", [0, 100, 4095])
def test_equal_samples_are_blank_padded_or_not(level: int) -> None:
    flat = np.full_like(RAMP, level)
    padded = flat.copy()
    padded[:5] = 50
    for samples, more in ((flat, {}), (padded, {"PixelPaddingValue": 50})):
        with pytest.raises(ImageError, match=r"^blank: "):
            _show(_encode(samples, **more))


@pytest.mark.parametrize("kind", ["US", "OW"])
def test_a_voi_lut_has_the_range_of_its_bits_whatever_its_type(kind: str) -> None:
    levels = (np.arange(4096) // 2 + 100).astype(np.uint16)
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    data = levels.tobytes() if kind == "OW" else levels.tolist()
    table.add(DataElement("LUTData", kind, data))
    grey = _show(_encode(RAMP, VOILUTSequence=[table]))
    expected = levels[RAMP].astype(float) * (255 / 4095)
    np.testing.assert_array_equal(grey, np.rint(expected))


@pytest.mark.parametrize(
    "more",
    [
        {"VOILUTSequence": []},
        {"WindowCenter": 2048, "WindowWidth": 0},
        {"WindowCenter": 2048, "WindowWidth": None},
    ],
)
def test_an_empty_window_or_lut_is_none(more: dict[str, Any]) -> None:
    np.testing.assert_array_equal(_show(_encode(RAMP, **more)), _show(_encode(RAMP)))


@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_not_stretched_to(interpretation: str) -> None:
    padded = RAMP.copy()
    padded[:5] = 65_535
    more = {"PhotometricInterpretation": interpretation}
    grey = _show(_encode(padded, 16, PixelPaddingValue=65_535, **more))
    assert (grey[:5] == 0).all()
    np.testing.assert_array_equal(grey[5:], _show(_encode(RAMP[5:], 16, **more)))


def test_8_bits_stay_as_they_are() -> None:
    samples = np.random.default_rng(0).integers(20, 200, (40, 50), np.uint8)
    np.testing.assert_array_equal(_show(_encode(samples, bits=8)), samples)


@pytest.mark.parametrize("bits", [10, 14, 16])
def test_every_number_of_bits_is_stretched(bits: int) -> None:
    samples = (RAMP.astype(np.int64) * (2**bits - 1) // 4095).astype(np.uint16)
    grey = _show(_encode(samples, bits=bits))
    assert (grey.min(), grey.max()) == (0, 255)
    assert np.abs(grey - _stretch(RAMP)).max() <= 1


@pytest.mark.parametrize("bits", [1, 6])
def test_fewer_than_8_bits_are_stretched(bits: int) -> None:
    samples = np.random.default_rng(0).integers(0, 2**bits, (40, 50), np.uint8)
    grey = _show(_encode(samples, bits=bits))
    np.testing.assert_array_equal(grey, np.rint(samples * (255 / (2**bits - 1))))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_pixels_compressed_by_pydicom_are_the_same(syntax: UID) -> None:
    dataset = make_dicom(RAMP)
    dataset.compress(syntax)
    np.testing.assert_array_equal(_show(write_dicom(dataset)), _show(_encode(RAMP)))


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_is_the_same(syntax: UID, bits: int) -> None:
    noise = np.random.default_rng(1).integers(0, 2**bits, RAMP.shape)
    samples = noise.astype(np.uint8 if bits == 8 else np.uint16)
    picture = encode_lossless_jpeg(samples.astype(np.uint16), bits)
    compressed = _encapsulate(make_dicom(samples, bits), syntax, picture)
    np.testing.assert_array_equal(_show(compressed), _show(_encode(samples, bits)))


@pytest.mark.parametrize(
    "kind", ["implicit", "bigendian", "RLE", "jpeg_ls_lossless", "jp2klossless"]
)
def test_every_lossless_syntax_of_one_picture_is_the_same(kind: str) -> None:
    shown = _decode_shipped(f"MR_small_{kind}.dcm")
    np.testing.assert_array_equal(shown, _decode_shipped("MR_small.dcm"))


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGExtended12Bit])
def test_lossy_jpeg_is_nearly_the_same(syntax: UID) -> None:
    samples = (RAMP // 16).astype(np.uint8)
    _, picture = cv2.imencode(".jpg", samples, (cv2.IMWRITE_JPEG_QUALITY, 95))
    compressed = _encapsulate(make_dicom(samples, bits=8), syntax, picture.tobytes())
    assert np.abs(_show(compressed).astype(int) - samples).max() <= 3


def test_lossy_jpeg_2000_is_nearly_the_same() -> None:
    dataset = make_dicom(RAMP)
    dataset.compress(JPEG2000, j2k_cr=[4])
    difference = _show(write_dicom(dataset)).astype(int) - _show(_encode(RAMP))
    assert np.abs(difference).max() <= 3


def test_jpeg_of_12_bits_shows_what_jpeg_2000_does() -> None:
    shown, expected = (_decode_shipped(f"{name}.dcm") for name in ("JPGExtended", "JPEG2000"))
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (_encode(RAMP, PhotometricInterpretation="CMYK", SamplesPerPixel=4), "colour"),
        (_encode(RAMP)[:-1000], "undecodable"),
        (_encode(RAMP)[:140], "no_pixels"),
        (_encapsulate(make_dicom(RAMP), MPEG4HP41, b"a film"), "undecodable"),
        (_encapsulate(make_dicom(RAMP), JPEGLosslessSV1, b"no JPEG"), "undecodable"),
        (_encapsulate(make_dicom(RAMP), JPEGLosslessSV1, JPEG[: len(JPEG) // 2]), "truncated"),
        (_encode(RAMP[:8]), "too_small"),
    ],
)
def test_what_is_no_single_grey_picture_is_refused(encoded: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as refusal:
        _show(encoded)
    assert refusal.value.reason == reason
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "display",
    [
        {},
        {"WindowCenter": 2000, "WindowWidth": 4000},
        {"WindowCenter": 2000, "WindowWidth": 4000, "PhotometricInterpretation": "MONOCHROME1"},
    ],
)
def test_padding_is_black_in_every_way_of_displaying(display: dict[str, Any]) -> None:
    padded = RAMP.copy()
    padded[:5] = 63_536
    expected = _show(_encode(RAMP[5:], 16, **display))
    dataset = make_dicom(padded, 16, **display)
    # -2000, as it is written where samples are taken for signed
    dataset.add(DataElement("PixelPaddingValue", "SS", -2000))
    for encoded in (_encode(padded, 16, PixelPaddingValue=63_536, **display), write_dicom(dataset)):
        grey = _show(encoded)
        assert (grey[:5] == 0).all()
        np.testing.assert_array_equal(grey[5:], expected)


@pytest.mark.parametrize(("bits", "packed"), [(12, False), (16, False), (8, True), (8, False)])
def test_a_modality_lut_of_any_depth_is_applied(bits: int, packed: bool) -> None:
    entries = (np.arange(4096) * (2**bits - 1) // 4095).astype("<u2")
    table = Dataset()
    table.LUTDescriptor = [4096, 0, bits]
    table.add(DataElement("LUTData", "OW", entries.astype("u1" if packed else "<u2").tobytes()))
    grey = _show(_encode(RAMP, ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(grey, _stretch(entries[RAMP].astype(float)))
