"""Samples of a DICOM picture, decoded by pydicom and its plugins."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, pixels
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from shared.errors import ImageError
from shared.images.dicom.codestream import check_codestream, check_runs, repair_scan
from shared.images.dicom.frames import isolate_frame
from shared.images.dicom.stored import complete_bits

# pydicom leaves array types unknown, so pyright would report every use
_pydicom: Any = pixels
_ENDED_BY_EOI = frozenset((*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes))
_LOSSY = (JPEG2000, JPEGLSNearLossless, HTJ2K)
# markers of a JPEG, and the most bytes after its end
_SOI, _EOI, _MOST_PADDING = b"\xff\xd8", b"\xff\xd9", 16


def decode_samples(dataset: Dataset, frame: int) -> tuple[npt.NDArray[Any], int | None]:
    """Decode one frame; others take neither time nor memory.

    Returns:
        Samples as stored, (height, width) or (height, width, 3) in RGB, and the bits per sample of
            a compressed picture; None if samples are words of BitsAllocated bits.

    Raises:
        ImageError: the picture contradicts its header, or is incomplete or too large.
        Exception: any error of pydicom or its plugins for a damaged picture.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    precision = None
    if syntax.is_encapsulated:
        precision = _check_picture(isolate_frame(dataset, frame), dataset, syntax)
        frame = 0
        if precision is not None and precision <= 8:
            # decoders return bytes, whatever the header says
            dataset.BitsAllocated = 8
            complete_bits(dataset)
    is_colour = int(dataset.SamplesPerPixel) > 1
    # stored bits and signs are taken from whole words, by `extract_stored`
    raw = {"apply_jls_sign_correction": False, "apply_j2k_sign_correction": False}
    samples, _ = _pydicom.get_decoder(syntax).as_array(
        dataset, index=frame, raw=not is_colour, correct_unused_bits=False, **raw
    )
    shape = (dataset.Rows, dataset.Columns) + ((3,) if is_colour else ())
    if samples.shape != shape:
        raise ImageError("corrupt", f"the pixels have shape {samples.shape}")
    samples = np.asarray(samples)
    bits = int(dataset.BitsStored)
    if syntax in _LOSSY and precision and precision > bits and not is_colour:
        # lossy compression exceeds the range at edges; white without its highest bit is black
        is_signed = samples.dtype.kind == "i"
        highest = 2 ** (bits - is_signed) - 1
        samples = samples.clip(-highest - 1 if is_signed else 0, highest)
    return samples, precision


def _check_picture(picture: bytes, dataset: Any, syntax: Any) -> int | None:
    """Check a compressed picture before its decoder, and repair its scan header."""
    rows, columns, channels = dataset.Rows, dataset.Columns, int(dataset.SamplesPerPixel)
    if syntax == RLELossless:
        num_samples = int(rows) * int(columns) * channels
        check_runs(picture, num_samples * int(dataset.BitsAllocated) // 8)
        return None
    precision = check_codestream(picture, (int(columns), int(rows), channels))
    if syntax in _ENDED_BY_EOI and picture.startswith(_SOI):
        # some devices fill the frame with zeros after the end
        picture = picture.rstrip(b"\0")
        if _EOI not in picture[-_MOST_PADDING:]:
            # libjpeg silently fills in missing data
            raise ImageError("truncated", "the JPEG ends before its EOI marker")
        if syntax == JPEGExtended12Bit:
            picture = repair_scan(picture)
        dataset.PixelData = encapsulate([picture])
    return precision
