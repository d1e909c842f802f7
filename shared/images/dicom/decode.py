"""DICOM: a file becomes the grey pixels that a workstation would show, or is refused."""

import io
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError
from pydicom.pixels import processing
from pydicom.uid import JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from shared.errors import ImageError
from shared.images.pixels import Pixels
from shared.images.size import check_size

# pydicom's own types leave those of arrays and paths unknown, so that every use would be an error
_untyped: Any = pydicom
_luts: Any = processing
_Samples = npt.NDArray[Any]

_MAGIC, _MAGIC_OFFSET = b"DICM", 128
_GREY = ("MONOCHROME1", "MONOCHROME2")
_FAR = 1e12
_MOST_ENTRIES = 65_536
"""Of a look-up table; its descriptor has 16 bits, and says 0 for it."""
_ENDED_BY_EOI = frozenset((*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes))
_EOI, _MOST_PADDING = b"\xff\xd9", 16


def is_dicom(encoded: bytes) -> bool:
    """Return whether bytes begin as a DICOM file does (PS3.10, 7.1)."""
    return encoded.startswith(_MAGIC, _MAGIC_OFFSET)


def decode_dicom(encoded: bytes) -> Pixels:
    """Decode a DICOM file as a workstation shows it at first.

    The modality LUT or rescaling is applied, then the VOI LUT or the first window (PS3.3, C.11.1
    and C.11.2; by pydicom), and the output range becomes 0 to 255. Without either, 8-bit samples
    stay as they are, and others are stretched from the lowest to the highest sample. In
    MONOCHROME1 low samples are bright, so it is inverted. Compressed transfer syntaxes (JPEG,
    JPEG-LS, JPEG 2000, RLE) are read by pydicom and its plugins.

    Args:
        encoded: the file's bytes.

    Returns:
        uint8 of shape (height, width).

    Raises:
        ImageError: reason `colour`, `multi_frame`, `no_pixels`, `corrupt`, `truncated` or
            `undecodable`, or those of `check_size`.
    """
    with warnings.catch_warnings():
        # of values that break the standard's letter, as scanners write them every day
        warnings.simplefilter("ignore")
        dataset = _read(encoded)
        samples = _decode(dataset)
        try:
            grey = _to_8_bits(samples, dataset)
        # what a file says of windows and look-up tables can be anything
        except (
            AttributeError,
            IndexError,
            ValueError,
            TypeError,
            KeyError,
            NotImplementedError,
        ) as error:
            raise ImageError("undecodable", f"window or LUT: {_one_line(error)}") from None
    return np.bitwise_not(grey) if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def _read(encoded: bytes) -> pydicom.Dataset:
    """Read the file, and refuse what is no single grey picture before anything is decoded."""
    try:
        dataset: pydicom.Dataset = _untyped.dcmread(io.BytesIO(encoded))
        if "PixelData" not in dataset:
            raise ImageError("no_pixels", "the DICOM file has no picture")
        interpretation = str(dataset.PhotometricInterpretation)
        if dataset.SamplesPerPixel != 1 or interpretation not in _GREY:
            raise ImageError("colour", f"{interpretation}; expected {' or '.join(_GREY)}")
        if (num_frames := int(dataset.get("NumberOfFrames") or 1)) > 1:
            raise ImageError("multi_frame", f"the DICOM file has {num_frames} pictures")
        check_size(int(dataset.Columns), int(dataset.Rows))
    except (InvalidDicomError, AttributeError, ValueError, TypeError, KeyError, EOFError) as error:
        raise ImageError("corrupt", f"pydicom: {_one_line(error)}") from None
    return dataset


def _decode(dataset: pydicom.Dataset) -> _Samples:
    untyped: Any = dataset
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    name = getattr(syntax, "name", "no transfer syntax")
    try:
        is_whole = syntax not in _ENDED_BY_EOI or _has_end(dataset.PixelData)
        samples: _Samples = untyped.pixel_array
    except MemoryError:
        raise
    # plugins raise whatever they like about data that is cut or changed
    except Exception as error:
        raise ImageError("undecodable", f"{name}: {_one_line(error)}") from None
    if not is_whole:
        raise ImageError("truncated", f"{name}: the picture ends before its EOI marker")
    return samples


def _has_end(encapsulated: bytes) -> bool:
    """Return whether a JPEG has its EOI marker; libjpeg fills up what is missing, unasked."""
    picture = next(generate_frames(encapsulated, number_of_frames=1))
    return _EOI in picture[-_MOST_PADDING:]


def _to_8_bits(samples: _Samples, dataset: pydicom.Dataset) -> Pixels:
    values: _Samples = np.asarray(_luts.apply_modality_lut(samples, dataset))
    if dataset.get("VOILUTSequence"):
        num_entries, first, _ = map(int, dataset.VOILUTSequence[0].LUTDescriptor)
        entries = np.arange(first, first + (num_entries or _MOST_ENTRIES))
        levels: _Samples = np.asarray(_luts.apply_voi_lut(entries, dataset))
        low, high = float(levels.min()), float(levels.max())
        shown: _Samples = _luts.apply_voi_lut(values, dataset)
    elif _has_window(dataset):
        # what lies far out on both sides tells where the window's output begins and ends
        probed = np.append(values.ravel(), [-_FAR, _FAR])
        shown = np.asarray(_luts.apply_voi_lut(probed, dataset))
        low, high, shown = float(shown[-2]), float(shown[-1]), shown[:-2].reshape(values.shape)
    elif samples.dtype == np.uint8 and dataset.BitsStored == 8 and values is samples:
        return samples
    else:
        return _stretch(values, _is_padding(samples, dataset), dataset)
    return _scale(shown, low, high)


def _stretch(
    values: _Samples, is_padding: npt.NDArray[np.bool_], dataset: pydicom.Dataset
) -> Pixels:
    """Stretch from the lowest to the highest value; padding is black in the end."""
    inside = values[~is_padding]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    grey = _scale(values, low, high)
    grey[is_padding] = 255 if dataset.PhotometricInterpretation == "MONOCHROME1" else 0
    return grey


def _is_padding(samples: _Samples, dataset: pydicom.Dataset) -> npt.NDArray[np.bool_]:
    """Return which samples only fill the picture up (PS3.3, C.7.5.1.1.2), as they are stored."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(samples.shape, np.bool_)
    limits = (int(value), int(dataset.get("PixelPaddingRangeLimit", value)))
    return (samples >= min(limits)) & (samples <= max(limits))


def _scale(shown: _Samples, low: float, high: float) -> Pixels:
    scaled = (shown - low) * (255 / (high - low)) if high > low else np.zeros(shown.shape)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _has_window(dataset: pydicom.Dataset) -> bool:
    if any(dataset.get(name) in (None, "") for name in ("WindowCenter", "WindowWidth")):
        return False
    # a width of nothing is written where there is none
    return float(np.atleast_1d(np.asarray(dataset.WindowWidth, np.float64))[0]) > 0


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
