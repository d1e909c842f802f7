"""Decoding of DICOM files to the greyscale pixels that a workstation displays."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import JPEGLSTransferSyntaxes, JPEGTransferSyntaxes, RLELossless

from shared.errors import ImageError
from shared.images.dicom.codestream import check_codestream, check_runs
from shared.images.dicom.display import show
from shared.images.dicom.elements import read_elements
from shared.images.parser import parser
from shared.images.pixels import Pixels
from shared.images.size import check_size

_GREY = ("MONOCHROME1", "MONOCHROME2")
_ENDED_BY_EOI = frozenset((*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes))
_SOI, _EOI, _MOST_PADDING = b"\xff\xd8", b"\xff\xd9", 16
_ITEM, _MOST_FRAGMENTS = b"\xfe\xff\x00\xe0", 65_536


def decode_dicom(encoded: bytes) -> Pixels:
    """Decode a DICOM file to the initial display of a workstation; see `show`.

    pydicom and its plugins decode compressed transfer syntaxes (JPEG, JPEG-LS, JPEG 2000, RLE).
    They are native code, which a damaged file can crash, so `decode_view` calls this function in a
    separate process.

    Returns:
        uint8 of shape (height, width).

    Raises:
        ImageError: Reason `blank`, `colour`, `multi_frame`, `no_pixels`, `corrupt`, `truncated`,
            `too_large` or `undecodable`, or those of `check_size`.
        MemoryError: Not enough memory.
    """
    with warnings.catch_warnings():
        # pydicom warns about minor violations of the standard, which are common in scanners' files
        warnings.simplefilter("ignore")
        with parser("pydicom, elements", "corrupt"):
            dataset = read_elements(encoded)
            _check_elements(dataset)
        with parser(f"pydicom, {_name_syntax(dataset)}"):
            samples = _decode(dataset)
        with parser("pydicom, window or look-up table"):
            return show(samples, dataset)


def _check_elements(dataset: pydicom.Dataset) -> None:
    """Refuse anything but a single greyscale picture, before decoding."""
    if "PixelData" not in dataset:
        raise ImageError("no_pixels", "the DICOM file has no pixel data")
    interpretation = str(dataset.PhotometricInterpretation)
    if dataset.SamplesPerPixel != 1 or interpretation not in _GREY:
        known = interpretation in [str(each.value) for each in PhotometricInterpretation]
        found = interpretation if known else "an unknown photometric interpretation"
        raise ImageError("colour", f"{found}; expected {' or '.join(_GREY)}")
    if (num_frames := int(dataset.get("NumberOfFrames") or 1)) > 1:
        raise ImageError("multi_frame", f"the DICOM file has {num_frames} frames")
    check_size(int(dataset.Columns), int(dataset.Rows))


def _name_syntax(dataset: pydicom.Dataset) -> str:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    # the name of an unknown UID is the UID, which may hold arbitrary text of the file
    return syntax.name if syntax and syntax.name != syntax else "unknown transfer syntax"


def _decode(dataset: pydicom.Dataset) -> npt.NDArray[Any]:
    untyped: Any = dataset
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        if untyped.PixelData.count(_ITEM) > _MOST_FRAGMENTS:
            raise ImageError("too_large", f"more than {_MOST_FRAGMENTS} fragments")
        picture = next(generate_frames(untyped.PixelData, number_of_frames=1))
        if syntax == RLELossless:
            num_pixels = int(untyped.Rows) * int(untyped.Columns)
            check_runs(picture, num_pixels * int(untyped.BitsAllocated) // 8)
        else:
            check_codestream(picture, int(untyped.Columns), int(untyped.Rows))
        is_jpeg = syntax in _ENDED_BY_EOI and picture.startswith(_SOI)
        if is_jpeg and _EOI not in picture[-_MOST_PADDING:]:
            # libjpeg silently fills in missing data
            raise ImageError("truncated", "the JPEG ends before its EOI marker")
    samples: npt.NDArray[Any] = np.asarray(untyped.pixel_array)
    if samples.shape != (untyped.Rows, untyped.Columns):
        raise ImageError("corrupt", f"the pixels have shape {samples.shape}")
    return samples
