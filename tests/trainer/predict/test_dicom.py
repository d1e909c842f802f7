"""DICOM files become the grey pixels that a workstation would show, or are refused."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from shared.errors import ImageError
from trainer.predict.dicom import decode_dicom, is_dicom

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)


def _encode(samples: Any, bits: int = 12, compress: bool = False, **more: Any) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = samples.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = samples.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    dataset.PixelData = samples.tobytes()
    for name, value in more.items():
        setattr(dataset, name, value)
    if compress:
        dataset.compress(RLELossless)
    written = io.BytesIO()
    pydicom.dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


def test_more_bits_are_stretched_and_monochrome1_is_inverted() -> None:
    encoded = _encode(RAMP)
    assert is_dicom(encoded)
    grey = decode_dicom(encoded)
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, np.rint(RAMP * (255 / 4095)))
    inverted = decode_dicom(_encode(RAMP, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(inverted, 255 - grey)


def test_a_window_clips_and_spans_the_whole_range() -> None:
    grey = decode_dicom(_encode(RAMP, WindowCenter=2000, WindowWidth=1000))
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
    difference = decode_dicom(rescaled).astype(int) - decode_dicom(plain)
    assert np.abs(difference).max() <= 1


def test_8_bits_stay_as_they_are() -> None:
    samples = np.random.default_rng(0).integers(20, 200, (40, 50), np.uint8)
    np.testing.assert_array_equal(decode_dicom(_encode(samples, bits=8)), samples)


@pytest.mark.parametrize("bits", [10, 14, 16])
def test_every_number_of_bits_is_stretched(bits: int) -> None:
    samples = (RAMP.astype(np.int64) * (2**bits - 1) // 4095).astype(np.uint16)
    grey = decode_dicom(_encode(samples, bits=bits))
    assert (grey.min(), grey.max()) == (0, 255)
    assert np.abs(grey - RAMP * (255 / 4095)).max() <= 1


def test_compressed_pixels_are_the_same() -> None:
    np.testing.assert_array_equal(
        decode_dicom(_encode(RAMP, compress=True)), decode_dicom(_encode(RAMP))
    )


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (_encode(RAMP, PhotometricInterpretation="RGB", SamplesPerPixel=3), "colour"),
        (_encode(RAMP, PhotometricInterpretation="PALETTE COLOR"), "colour"),
        (_encode(np.stack([RAMP, RAMP]), NumberOfFrames=2), "multi_frame"),
        (_encode(RAMP)[:-1000], "undecodable"),
        (_encode(RAMP)[:140], "no_pixels"),
        (_encode(RAMP[:8]), "too_small"),
    ],
)
def test_what_is_no_single_grey_picture_is_refused(encoded: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as refusal:
        decode_dicom(encoded)
    assert refusal.value.reason == reason
