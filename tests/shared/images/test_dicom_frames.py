"""One frame of a DICOM object with several frames, with the display of that frame."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedXAImageStorage,
    JPEG2000Lossless,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

from shared.errors import ImageError
from shared.images.decode import decode_radiograph
from shared.images.pixels import Pixels
from tests.shared.images.dicom_files import make_dicom, write_dicom

RAMP = np.linspace(0, 4095, 64 * 48).reshape(64, 48).astype(np.uint16)
FRAMES = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]])
WINDOW = {"WindowCenter": 2000, "WindowWidth": 3000}


def _show(dataset: Dataset) -> Pixels:
    return decode_radiograph(write_dicom(dataset)).grey


EXPECTED = [_show(make_dicom(frame, **WINDOW)) for frame in FRAMES]


def _film(**more: Any) -> Dataset:
    return make_dicom(FRAMES, NumberOfFrames=3, **WINDOW, **more)


def _compress(syntax: UID) -> list[bytes]:
    """Return each frame in a compressed transfer syntax."""
    pictures: list[bytes] = []
    for frame in FRAMES:
        dataset = make_dicom(frame)
        dataset.compress(syntax, encapsulate_ext=True)
        length = int.from_bytes(dataset.ExtendedOffsetTableLengths, "little")
        pictures.append(dataset.PixelData[16 : 16 + length])
    return pictures


@pytest.mark.parametrize(("number", "frame"), [(None, 1), (3, 3), (1, 1), (0, 1), (4, 1)])
def test_the_first_frame_or_the_representative_one_is_shown(number: Any, frame: int) -> None:
    radiograph = decode_radiograph(write_dicom(_film(RepresentativeFrameNumber=number)))
    np.testing.assert_array_equal(radiograph.grey, EXPECTED[frame - 1])
    assert radiograph.notes == (f"frame {frame} of 3 is displayed",)


def _encapsulate(pictures: list[bytes], kind: str) -> dict[str, Any]:
    """Return elements of pixels with one of the tables that PS3.5, A.4 permits."""
    if kind == "extended table":
        pixels, offsets, lengths = encapsulate_extended(pictures)
        return {
            "PixelData": pixels,
            "ExtendedOffsetTable": offsets,
            "ExtendedOffsetTableLengths": lengths,
        }
    fragments = 3 if "fragments" in kind else 1
    pixels = bytearray(encapsulate(pictures, fragments, has_bot="basic" in kind))
    if "wrong" in kind:
        pixels[12:16] = b"\2\0\0\0"
    return {"PixelData": bytes(pixels)}


TABLES = (
    "no table",
    "basic table",
    "wrong basic table",
    "extended table",
    "fragments, basic table",
)
CASES = [(syntax, kind) for syntax in (RLELossless, JPEG2000Lossless) for kind in TABLES]


# RLE has no end marker, and therefore one fragment per frame (PS3.5, A.4.2)
@pytest.mark.parametrize(("syntax", "kind"), [*CASES, (JPEG2000Lossless, "fragments, no table")])
def test_a_compressed_frame_is_found_by_any_table_or_none(syntax: UID, kind: str) -> None:
    more = _encapsulate(_compress(syntax), kind)
    for frame in (1, 2, 3):
        film = _film(RepresentativeFrameNumber=frame, **more)
        film.file_meta.TransferSyntaxUID = syntax
        film["PixelData"].is_undefined_length = True
        np.testing.assert_array_equal(_show(film), EXPECTED[frame - 1])


def _group(**elements: Any) -> Dataset:
    group, window, rescaling, shutter = (Dataset() for _ in range(4))
    window.WindowCenter, window.WindowWidth = elements["window"]
    group.FrameVOILUTSequence = [window]
    if "rescaling" in elements:
        rescaling.RescaleSlope, rescaling.RescaleIntercept = elements["rescaling"]
        group.PixelValueTransformationSequence = [rescaling]
    if "rows" in elements:
        shutter.ShutterShape = "RECTANGULAR"
        shutter.ShutterLeftVerticalEdge, shutter.ShutterRightVerticalEdge = 1, 48
        edges = elements["rows"]
        shutter.ShutterUpperHorizontalEdge, shutter.ShutterLowerHorizontalEdge = edges
        group.FrameDisplayShutterSequence = [shutter]
    return group


def test_the_display_is_that_of_the_frame() -> None:
    film = _film(
        SOPClassUID=EnhancedXAImageStorage,
        RepresentativeFrameNumber=2,
        RescaleSlope=7,
        SharedFunctionalGroupsSequence=[_group(window=(1, 2), rows=(11, 64))],
        PerFrameFunctionalGroupsSequence=[
            _group(window=(50, 60), rescaling=(3, 4), rows=(1, 2)),
            _group(window=(5000, 6000), rescaling=(2, 1000)),
            _group(window=(70, 80), rescaling=(5, 6)),
        ],
    )
    grey = _show(film)
    assert not grey[:10].any()
    assert np.abs(grey[10:].astype(int) - EXPECTED[1][10:]).max() <= 1


@pytest.mark.parametrize(
    "kind",
    [
        CTImageStorage,
        EnhancedCTImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        UltrasoundMultiFrameImageStorage,
    ],
)
def test_slices_and_films_of_other_modalities_are_refused(kind: UID) -> None:
    with pytest.raises(ImageError, match=rf"^multi_frame: 3 frames, {kind.name}"):
        _show(_film(SOPClassUID=kind))


def test_missing_frames_are_refused() -> None:
    for number in (4, 10**9):
        film = _film()
        film.NumberOfFrames = number
        with pytest.raises(ImageError, match=r"^undecodable: "):
            _show(film)
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    film.PixelData = encapsulate(_compress(JPEG2000Lossless))
    film.RepresentativeFrameNumber = 5
    film["PixelData"].is_undefined_length = True
    with pytest.raises(ImageError, match=r"^undecodable: "):
        _show(film)


def test_other_frames_are_not_decoded() -> None:
    pictures = _compress(JPEG2000Lossless)
    film = _film()
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    film.NumberOfFrames = 3000
    film.PixelData = encapsulate([pictures[0], b"damaged!", *pictures[1:2] * 2998])
    film["PixelData"].is_undefined_length = True
    encoded = write_dicom(film)
    started_s = time.process_time()
    np.testing.assert_array_equal(decode_radiograph(encoded).grey, EXPECTED[0])
    assert time.process_time() - started_s < 1


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_frames_in_colour_of_another_program(bits: int) -> None:
    # their channels differ, which is found after decoding
    name = f"SC_rgb_rle{'' if bits == 8 else f'_{bits}bit'}_2frame.dcm"
    path = get_testdata_file(name, download=False)
    assert path
    with pytest.raises(ImageError, match=r"^colour: the channels differ"):
        decode_radiograph(Path(str(path)).read_bytes())
