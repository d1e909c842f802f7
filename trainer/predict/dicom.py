"""DICOM: a file becomes the grey pixels that a workstation would show, or is refused."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import JPEGLSTransferSyntaxes, JPEGTransferSyntaxes, RLELossless

from shared.errors import ImageError
from shared.image import Pixels
from shared.image_size import check_size
from shared.parser import parser
from trainer.predict.codestream import check_codestream, check_runs
from trainer.predict.dicom_display import show
from trainer.predict.dicom_reader import read_elements

_MAGIC, _MAGIC_OFFSET = b"DICM", 128
_GREY = ("MONOCHROME1", "MONOCHROME2")
_ENDED_BY_EOI = frozenset((*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes))
_SOI, _EOI, _MOST_PADDING = b"\xff\xd8", b"\xff\xd9", 16
_ITEM, _MOST_FRAGMENTS = b"\xfe\xff\x00\xe0", 65_536


def is_dicom(encoded: bytes) -> bool:
    """Return whether bytes begin as a DICOM file does (PS3.10, 7.1)."""
    return encoded.startswith(_MAGIC, _MAGIC_OFFSET)


def decode_dicom(encoded: bytes) -> Pixels:
    """Decode a DICOM file as a workstation shows it at first, see `show`.

    Compressed transfer syntaxes (JPEG, JPEG-LS, JPEG 2000, RLE) are read by pydicom and its
    plugins. They are native code, which a damaged file can crash: `decode_view` calls this function
    in another process.

    Args:
        encoded: the file's bytes.

    Returns:
        uint8 of shape (height, width).

    Raises:
        ImageError: reason `blank`, `colour`, `multi_frame`, `no_pixels`, `corrupt`, `truncated`,
            `too_large` or `undecodable`, or those of `check_size`.
        MemoryError: there is too little memory.
    """
    with warnings.catch_warnings():
        # of values that break the standard's letter, as scanners write them every day
        warnings.simplefilter("ignore")
        with parser("pydicom, elements", "corrupt"):
            dataset = read_elements(encoded)
            _check_elements(dataset)
        with parser(f"pydicom, {_name_syntax(dataset)}"):
            samples = _decode(dataset)
        with parser("pydicom, window or look-up table"):
            return show(samples, dataset)


def _check_elements(dataset: pydicom.Dataset) -> None:
    """Refuse what is no single grey picture before anything is decoded."""
    if "PixelData" not in dataset:
        raise ImageError("no_pixels", "the DICOM file has no picture")
    interpretation = str(dataset.PhotometricInterpretation)
    if dataset.SamplesPerPixel != 1 or interpretation not in _GREY:
        known = interpretation in [str(each.value) for each in PhotometricInterpretation]
        found = interpretation if known else "an unknown photometric interpretation"
        raise ImageError("colour", f"{found}; expected {' or '.join(_GREY)}")
    if (num_frames := int(dataset.get("NumberOfFrames") or 1)) > 1:
        raise ImageError("multi_frame", f"the DICOM file has {num_frames} pictures")
    check_size(int(dataset.Columns), int(dataset.Rows))


def _name_syntax(dataset: pydicom.Dataset) -> str:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    # of an unknown one the name is the UID, whatever the file holds there
    return syntax.name if syntax and syntax.name != syntax else "unknown transfer syntax"


def _decode(dataset: pydicom.Dataset) -> npt.NDArray[Any]:
    untyped: Any = dataset
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        if untyped.PixelData.count(_ITEM) > _MOST_FRAGMENTS:
            raise ImageError("too_large", f"more fragments than {_MOST_FRAGMENTS}")
        picture = next(generate_frames(untyped.PixelData, number_of_frames=1))
        if syntax == RLELossless:
            num_pixels = int(untyped.Rows) * int(untyped.Columns)
            check_runs(picture, num_pixels * int(untyped.BitsAllocated) // 8)
        else:
            check_codestream(picture, int(untyped.Columns), int(untyped.Rows))
        is_jpeg = syntax in _ENDED_BY_EOI and picture.startswith(_SOI)
        if is_jpeg and _EOI not in picture[-_MOST_PADDING:]:
            # libjpeg fills up what is missing, unasked
            raise ImageError("truncated", "the picture ends before its EOI marker")
    samples: npt.NDArray[Any] = np.asarray(untyped.pixel_array)
    if samples.shape != (untyped.Rows, untyped.Columns):
        raise ImageError("corrupt", f"a picture of shape {samples.shape}")
    return samples
