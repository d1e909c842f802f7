"""Stored bits, padding, shutters, windows and colours of DICOM files as the standard has them."""

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
    BasicTextSRStorage,
    EnhancedXAImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    SegmentationStorage,
)

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from shared.images.pixels import Pixels
from tests.shared.images.dicom_files import make_dicom, write_dicom

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)
WINDOW = {"WindowCenter": 2000, "WindowWidth": 3000}
EIGHT = (RAMP >> 4).astype(np.uint8)


def _show(dataset: Dataset) -> Pixels:
    return decode_radiograph(write_dicom(dataset)).grey


EXPECTED = _show(make_dicom(RAMP, **WINDOW))


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_bits_of_overlays_are_no_part_of_a_sample(syntax: UID | None) -> None:
    samples = RAMP.copy()
    samples[10:20, 10:20] |= 0x8000
    dataset = make_dicom(samples, 16, **WINDOW)
    if syntax == ImplicitVRLittleEndian:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    elif syntax:
        dataset.compress(syntax)
    dataset.BitsStored, dataset.HighBit = 12, 11
    np.testing.assert_array_equal(_show(dataset), EXPECTED)


@pytest.mark.parametrize("signed", [False, True])
def test_samples_at_the_upper_end_of_the_word(signed: bool) -> None:
    samples = RAMP.astype(np.int32) - 2048 * signed
    words = (samples << 4).astype(np.int16 if signed else np.uint16)
    more = {**WINDOW, "WindowCenter": 2000 - 2048 * signed}
    dataset = make_dicom(words, 12, HighBit=15, PixelRepresentation=int(signed), **more)
    np.testing.assert_array_equal(_show(dataset), EXPECTED)


@pytest.mark.parametrize(
    "name",
    [
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "SamplesPerPixel",
        "PhotometricInterpretation",
    ],
)
def test_an_empty_number_counts_as_absent(name: str) -> None:
    dataset = make_dicom(RAMP, **WINDOW)
    setattr(dataset, name, None)
    np.testing.assert_array_equal(_show(dataset), EXPECTED)


@pytest.mark.parametrize(
    ("bits", "level", "vr", "value"),
    [
        (12, 4095, "US", 4095),
        (16, 63_536, "SS", -2000),
        (16, 63_536, "US", 63_536),
        # above the stored bits
        (12, 65_535, "US", 65_535),
    ],
)
def test_padding_is_found_in_the_stored_values(bits: int, level: int, vr: str, value: int) -> None:
    padded = np.minimum(RAMP, 4000)
    expected = _show(make_dicom(padded, bits, **WINDOW))
    padded[:, :10] = level
    dataset = make_dicom(padded, bits, **WINDOW)
    dataset.add_new("PixelPaddingValue", vr, value)
    grey = _show(dataset)
    assert not grey[:, :10].any()
    np.testing.assert_array_equal(grey[:, 10:], expected[:, 10:])


def test_a_range_of_padding_may_be_descending_and_signed() -> None:
    samples = RAMP.astype(np.int16) - 2048
    more = {"PixelRepresentation": 1, "WindowCenter": -48, "WindowWidth": 3000}
    dataset = make_dicom(samples, **more)
    dataset.add_new("PixelPaddingValue", "SS", -1900)
    dataset.add_new("PixelPaddingRangeLimit", "SS", -2048)
    grey = _show(dataset)
    np.testing.assert_array_equal(grey, np.where(samples <= -1900, 0, EXPECTED))


@pytest.mark.parametrize(
    "more",
    [
        {"VOILUTFunction": ""},
        {"VOILUTFunction": "CUBIC"},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"RescaleSlope": "1", "RescaleIntercept": None},
        {"ModalityLUTSequence": None},
        {"PixelPaddingValue": None},
        {"WindowCenter": [2000, 100], "WindowWidth": [3000, 20]},
        {"PresentationLUTShape": "IDENTITY"},
        {"ShutterShape": ""},
    ],
)
def test_attributes_without_effect(more: dict[str, Any]) -> None:
    np.testing.assert_array_equal(_show(make_dicom(RAMP, **{**WINDOW, **more})), EXPECTED)


def test_decimal_commas_are_points() -> None:
    point = make_dicom(RAMP, WindowCenter="2000.5", WindowWidth="3000.5")
    comma = make_dicom(RAMP)
    comma.add_new("WindowCenter", "LO", "2000,5\\1")
    comma.add_new("WindowWidth", "LO", "3000,5\\1")
    encoded = write_dicom(comma).replace(b"\x50\x10LO", b"\x50\x10DS")
    np.testing.assert_array_equal(decode_radiograph(encoded).grey, _show(point))


def test_an_inverse_presentation_shape_inverts_once() -> None:
    shapes: tuple[dict[str, Any], ...] = (
        {"PresentationLUTShape": "INVERSE"},
        {"PresentationLUTShape": "INVERSE", "PhotometricInterpretation": "MONOCHROME1"},
    )
    for more in shapes:
        np.testing.assert_array_equal(_show(make_dicom(RAMP, **WINDOW, **more)), 255 - EXPECTED)


RECTANGLE = {
    "ShutterUpperHorizontalEdge": 11,
    "ShutterLowerHorizontalEdge": 50,
    "ShutterLeftVerticalEdge": 6,
    "ShutterRightVerticalEdge": 40,
}
CIRCLE = {"CenterOfCircularShutter": [32, 24], "RadiusOfCircularShutter": 20}
POLYGON = {"VerticesOfThePolygonalShutter": [11, 6, 11, 40, 50, 40, 50, 6]}


def test_shutters_are_black_and_combine() -> None:
    rows, columns = np.mgrid[1:65, 1:49]
    in_box = (rows >= 11) & (rows <= 50) & (columns >= 6) & (columns <= 40)
    in_circle = (rows - 32) ** 2 + (columns - 24) ** 2 <= 400
    for shapes, edges, shown in (
        ("RECTANGULAR", RECTANGLE, in_box),
        ("POLYGONAL", POLYGON, in_box),
        ("CIRCULAR", CIRCLE, in_circle),
        (["RECTANGULAR", "CIRCULAR"], {**RECTANGLE, **CIRCLE}, in_box & in_circle),
    ):
        dataset = make_dicom(
            RAMP, PhotometricInterpretation="MONOCHROME1", ShutterShape=shapes, **edges, **WINDOW
        )
        np.testing.assert_array_equal(_show(dataset), np.where(shown, 255 - EXPECTED, 0))


@pytest.mark.parametrize(
    "more",
    [
        {"ShutterShape": "CIRCULAR"},
        {"ShutterShape": "CIRCULAR", **CIRCLE, "RadiusOfCircularShutter": -1},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 2]},
        {"ShutterShape": "RECTANGULAR", **RECTANGLE, "ShutterLowerHorizontalEdge": 3},
    ],
)
def test_an_unusable_shutter_is_noted(more: dict[str, Any]) -> None:
    radiograph = decode_radiograph(write_dicom(make_dicom(RAMP, **WINDOW, **more)))
    np.testing.assert_array_equal(radiograph.grey, EXPECTED)
    assert [note[:11] for note in radiograph.notes] == ["the shutter"]


def _colour(channels: Any, **more: Any) -> Dataset:
    dataset = make_dicom(EIGHT, 8, SamplesPerPixel=3, PlanarConfiguration=0, **more)
    dataset.PixelData = np.ascontiguousarray(channels).tobytes()
    return dataset


def test_equal_channels_are_grey() -> None:
    equal = np.repeat(EIGHT[..., None], 3, axis=2)
    radiograph = decode_radiograph(write_dicom(_colour(equal, PhotometricInterpretation="RGB")))
    np.testing.assert_array_equal(radiograph.grey, EIGHT)
    assert radiograph.channels == 3
    jpeg = _colour(equal, PhotometricInterpretation="YBR_FULL_422")
    jpeg.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    jpeg.PixelData = encapsulate([cv2.imencode(".jpg", equal)[1].tobytes()])
    jpeg["PixelData"].is_undefined_length = True
    assert np.abs(_show(jpeg).astype(int) - EIGHT).max() <= 4


def test_other_colours_are_refused() -> None:
    colour = np.stack([EIGHT, EIGHT, 255 - EIGHT], axis=2)
    for interpretation in ("RGB", "YBR_FULL"):
        with pytest.raises(ImageError, match=r"^colour: "):
            _show(_colour(colour, PhotometricInterpretation=interpretation))


def test_one_frame_of_a_multi_frame_object_has_its_display_in_functional_groups() -> None:
    window, rescaling, group = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 5000, 6000
    rescaling.RescaleSlope, rescaling.RescaleIntercept = 2, 1000
    group.FrameVOILUTSequence, group.PixelValueTransformationSequence = [window], [rescaling]
    dataset = make_dicom(
        RAMP,
        SOPClassUID=EnhancedXAImageStorage,
        NumberOfFrames=1,
        SharedFunctionalGroupsSequence=[group],
    )
    assert np.abs(_show(dataset).astype(int) - EXPECTED).max() <= 1


def test_files_without_a_preamble() -> None:
    encoded = write_dicom(make_dicom(RAMP, **WINDOW))
    np.testing.assert_array_equal(decode_radiograph(encoded[132:]).grey, EXPECTED)
    start = encoded.index(b"\x08\x00\x16\x00UI")
    np.testing.assert_array_equal(decode_radiograph(encoded[start:]).grey, EXPECTED)
    implicit = make_dicom(RAMP, **WINDOW)
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    encoded = write_dicom(implicit)
    start = encoded.index(b"\x08\x00\x16\x00")
    np.testing.assert_array_equal(decode_radiograph(encoded[start:]).grey, EXPECTED)


def test_zeros_behind_a_jpeg() -> None:
    dataset = make_dicom(EIGHT, 8)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    picture = cv2.imencode(".jpg", EIGHT)[1].tobytes()
    shown: list[Pixels] = []
    for zeros in (0, 1000):
        dataset.PixelData = encapsulate([picture + bytes(zeros)])
        dataset["PixelData"].is_undefined_length = True
        shown.append(_show(dataset))
    np.testing.assert_array_equal(shown[0], shown[1])


def test_a_scan_header_that_selects_the_first_coefficient_only() -> None:
    path = get_testdata_file("JPGExtended.dcm", download=False)
    assert path
    encoded = Path(str(path)).read_bytes()
    header = b"\xff\xda\0\x08\1\1\0"
    changed = encoded.replace(header + b"\0\x3f\0", header + b"\0\0\0")
    assert changed != encoded
    expected = decode_radiograph(encoded).grey
    np.testing.assert_array_equal(decode_radiograph(changed).grey, expected)


@pytest.mark.parametrize(
    "kind", [BasicTextSRStorage, GrayscaleSoftcopyPresentationStateStorage, SegmentationStorage]
)
def test_other_objects_are_named_by_their_class(kind: UID) -> None:
    with pytest.raises(ImageError, match=rf"^no_image: {kind.name}"):
        _show(make_dicom(RAMP, SOPClassUID=kind))


def test_patient_and_study_are_named_without_identifiers() -> None:
    def identify(**more: Any) -> tuple[str, int | None]:
        radiograph = decode_radiograph(write_dicom(make_dicom(RAMP, **more)))
        return radiograph.study, radiograph.patient

    study, patient = identify(StudyInstanceUID="1.2.3", PatientID="A17")
    assert study == "1.2.3"
    assert patient is not None
    assert 0 <= patient < 2**63
    assert identify(StudyInstanceUID="1.2.4", PatientID="A17 ") == ("1.2.4", patient)
    assert identify(PatientID="A17", IssuerOfPatientID="clinic")[1] not in (None, patient)
    assert identify(StudyInstanceUID="1.2.3")[1] not in (None, patient)
    assert identify() == ("", None)


def test_a_table_of_one_level_gives_way_to_the_window() -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.add_new("LUTData", "OW", bytes(8192))
    radiograph = decode_radiograph(write_dicom(make_dicom(RAMP, VOILUTSequence=[table], **WINDOW)))
    np.testing.assert_array_equal(radiograph.grey, EXPECTED)
    assert [note[:22] for note in radiograph.notes] == ["the VOI look-up table "]
